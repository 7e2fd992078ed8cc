import type { NodeId } from "../core/ids.ts";
import type { Sql } from "./database.ts";
import { type Watermark, type WatermarkRow, watermarkOf } from "./watermark.ts";

export interface NodeRow {
  readonly id: string;
  readonly firstSeen: number;
  readonly lastSeen: number;
}

/** A new life of this node begins: its spool is opened, its purses are its own. Answers how far the spool was applied. */
export async function registerNode(sql: Sql, node: NodeId): Promise<Watermark> {
  const [row] = await sql<WatermarkRow[]>`
    select * from register_node(${node})`;
  if (row === undefined) throw new Error(`node ${node} could not be registered`);
  return watermarkOf(row);
}

/** All nodes that the ledger has ever met, by name. */
export async function listNodes(sql: Sql): Promise<readonly NodeRow[]> {
  const rows = await sql<{ id: string; first_seen: Date; last_seen: Date }[]>`
    select id, first_seen, last_seen from node order by id`;
  return rows.map(({ id, first_seen, last_seen }) => ({
    id,
    firstSeen: first_seen.getTime(),
    lastSeen: last_seen.getTime(),
  }));
}
