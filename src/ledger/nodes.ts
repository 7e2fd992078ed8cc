import type { NodeId } from "../core/ids.ts";
import type { Sql } from "./database.ts";
import { type Position, START } from "./spool/position.ts";

export interface NodeRow {
  readonly id: string;
  readonly firstSeen: number;
  readonly lastSeen: number;
}

/** Says that this node is here and answers how far its spool was applied. */
export async function registerNode(sql: Sql, node: NodeId): Promise<Position> {
  const [row] = await sql<{ segment: bigint; offset: bigint; sequence: bigint }[]>`
    insert into node (id) values (${node}) on conflict (id) do update set last_seen = now()
    returning spool_segment as segment, spool_offset as offset, spool_sequence as sequence`;
  if (row === undefined || row.sequence === 0n) return START;
  return { segment: Number(row.segment), offset: Number(row.offset), sequence: row.sequence };
}

export async function listNodes(sql: Sql): Promise<readonly NodeRow[]> {
  const rows = await sql<{ id: string; first_seen: Date; last_seen: Date }[]>`
    select id, first_seen, last_seen from node order by id`;
  return rows.map(({ id, first_seen, last_seen }) => ({
    id,
    firstSeen: first_seen.getTime(),
    lastSeen: last_seen.getTime(),
  }));
}
