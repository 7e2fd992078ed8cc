import type { Bus } from "../../bus/bus.ts";
import type { Consumption, MessageLog } from "../../bus/message-log.ts";
import type { NodeId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import { bookUsage, isBeyondWatermark } from "../book-usage.ts";
import type { Sql } from "../database.ts";
import { readWatermark, type Watermark } from "../watermark.ts";
import { type ShippedBatch, unpackBatch } from "./batch-message.ts";
import type { Notice } from "./notice.ts";
import { applierName, noticeSubject, usageSubject } from "./subjects.ts";

export interface ApplierOptions {
  readonly sql: Sql;
  readonly messages: MessageLog;
  readonly bus: Bus;
  readonly log: Log;
}

/** What appliers of one process did, since it started. */
export interface ApplierCounts {
  batchesApplied: number;
  /** Deliveries of a batch after its first: whoever had it died, or the ledger was away. */
  batchesRepeated: number;
  /** Batches that began beyond the watermark. */
  batchesRefused: number;
  /** Messages that could not be understood. */
  messagesDropped: number;
  recordsApplied: number;
}

/**
 * Books what a node sent into the log, batch after batch, each in one transaction with its watermark; takes it off
 * the log after the commit, and tells the node. Two for one node at once move nothing twice.
 */
export function startApplier(node: NodeId, options: ApplierOptions, counts: ApplierCounts): Consumption {
  const { messages } = options;
  return messages.consume(applierName(node), usageSubject(node), async (message, deliveries) => {
    const batch = understood(message, node, options, counts);
    if (batch === undefined) return;
    if (deliveries > 1) counts.batchesRepeated += 1;
    tell(options, await apply(batch, options, counts));
  });
}

/** Undefined: dropped. Its node sees that its watermark stands still, and sends it again. */
function understood(
  message: Uint8Array,
  node: NodeId,
  { log }: ApplierOptions,
  counts: ApplierCounts,
): ShippedBatch | undefined {
  try {
    return unpackBatch(message, node);
  } catch (thrown) {
    counts.messagesDropped += 1;
    log.error("a message in the usage stream is not understood and left out", {
      node,
      cause: String(thrown),
    });
    return undefined;
  }
}

/** @throws what the database said: the batch comes again */
async function apply(batch: ShippedBatch, options: ApplierOptions, counts: ApplierCounts) {
  const { sql, log } = options;
  const { node, flight } = batch;
  try {
    const { applied, watermark } = await bookUsage({ sql, log }, batch);
    counts.batchesApplied += 1;
    counts.recordsApplied += applied;
    return { node, notice: noticeAbout(true, flight, watermark) };
  } catch (thrown) {
    if (!isBeyondWatermark(thrown)) throw thrown;
    counts.batchesRefused += 1;
    log.warn("usage before this batch is missing; its node will send it again", {
      node,
      cause: String(thrown),
    });
    return { node, notice: noticeAbout(false, flight, await readWatermark(sql, node)) };
  }
}

const noticeAbout = (isApplied: boolean, flight: number, watermark: Watermark): Notice => ({
  isApplied,
  flight,
  watermark,
});

/** The books are right whether it arrives or not. */
function tell({ bus, log }: ApplierOptions, { node, notice }: { node: NodeId; notice: Notice }): void {
  try {
    bus.publish(noticeSubject(node), notice);
  } catch (thrown) {
    log.warn("a node could not be told what was booked", { node, cause: String(thrown) });
  }
}
