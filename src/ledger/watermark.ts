import type { NodeId } from "../core/ids.ts";
import type { Sql } from "./database.ts";
import { type Position, START } from "./spool/position.ts";

/** How far the ledger has a node's spool: everything before it is committed. */
export interface Watermark extends Position {
  /** Which opening of the spool the numbers belong to. */
  readonly epoch: bigint;
}

export interface WatermarkRow {
  readonly epoch: bigint;
  readonly segment: bigint;
  readonly byte_offset: bigint;
  readonly sequence: bigint;
}

/** A row of the database as a watermark; before the first record it is the start of the epoch. */
export function watermarkOf({ epoch, segment, byte_offset, sequence }: WatermarkRow): Watermark {
  if (sequence === 0n) return { ...START, epoch };
  return { epoch, segment: Number(segment), offset: Number(byte_offset), sequence };
}

/** @throws Error when the node is not registered, or what the database said */
export async function readWatermark(sql: Sql, node: NodeId): Promise<Watermark> {
  const [row] = await sql<WatermarkRow[]>`
    select spool_epoch as epoch, spool_segment as segment, spool_offset as byte_offset, spool_sequence as sequence
    from node where id = ${node}`;
  if (row === undefined) throw new Error(`node ${node} is not registered`);
  return watermarkOf(row);
}
