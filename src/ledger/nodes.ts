import type { NodeId } from "../core/ids.ts";
import type { Sql } from "./database.ts";
import { type Watermark, type WatermarkRow, watermarkOf } from "./watermark.ts";

export interface NodeRow {
  readonly id: string;
  readonly firstSeen: number;
  readonly lastSeen: number;
}

/** Says that this node opens its spool (a new epoch begins) and answers how far it was applied. */
export async function registerNode(sql: Sql, node: NodeId): Promise<Watermark> {
  const [row] = await sql<WatermarkRow[]>`
    insert into node (id, spool_epoch) values (${node}, 1)
    on conflict (id) do update set last_seen = now(), spool_epoch = node.spool_epoch + 1
    returning spool_epoch as epoch, spool_segment as segment, spool_offset as byte_offset, spool_sequence as sequence`;
  if (row === undefined) throw new Error(`node ${node} could not be registered`);
  return watermarkOf(row);
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
