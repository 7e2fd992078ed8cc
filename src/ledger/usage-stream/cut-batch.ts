import { BATCH_RECORDS, barestEntry } from "../book-usage.ts";
import type { UsageEntry } from "../records.ts";
import type { Position } from "../spool/position.ts";
import type { Spool } from "../spool/spool.ts";
import { packBatch, type ShippedBatch } from "./batch-message.ts";

export interface CutBatch {
  readonly to: Position;
  readonly usages: readonly UsageEntry[];
  /** Absent: there is nothing for the ledger in it. */
  readonly message: Uint8Array | undefined;
}

/**
 * The next records of the spool as one message that the log takes. Undefined when there are none that may be read yet.
 * @param told no batch reaches from before it to behind it: what purses were told ends there
 * @throws what the disk said
 */
export function cutBatch(
  spool: Spool,
  start: Position,
  told: bigint,
  maxBytes: number,
  about: Pick<ShippedBatch, "node" | "epoch" | "flight" | "from">,
): CutBatch | undefined {
  const untold = Number(told - start.sequence);
  let most = untold > 0 ? Math.min(untold, BATCH_RECORDS) : BATCH_RECORDS;
  for (;;) {
    const { usages, gaps, next: to } = spool.read(start, most);
    if (to.sequence === start.sequence && to.segment === start.segment) return undefined;
    // The watermark can wait, but not where the spool may delete a file behind it.
    if (usages.length === 0 && gaps.length === 0 && to.segment === start.segment)
      return { to, usages, message: undefined };
    const message = packBatch({ ...about, to, usages, gaps });
    if (message.byteLength <= maxBytes) return { to, usages, message };
    if (most === 1)
      return { to, usages, message: packBatch({ ...about, to, usages: usages.map(barestEntry), gaps }) };
    // Of what was read, not of what was asked for; a gap counts too, so `most` itself bounds it.
    most = Math.ceil(Math.min(most, Number(to.sequence - start.sequence)) / 2);
  }
}
