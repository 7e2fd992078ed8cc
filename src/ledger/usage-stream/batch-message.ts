import { packPayload, unpackPayload } from "../../bus/payload.ts";
import type { NodeId } from "../../core/ids.ts";
import type { UsageBatch } from "../book-usage.ts";
import type { UsageRecord } from "../records.ts";
import type { SpoolGap } from "../spool/read-segments.ts";

/** A batch on its way through the log. */
export interface ShippedBatch extends UsageBatch {
  /** Counts how often its node began anew: what a notice says about an earlier flight is history. */
  readonly flight: number;
}

/** Of the form below; another form is another number. */
const VERSION = 1;

export const packBatch = (batch: ShippedBatch): Uint8Array => packPayload({ version: VERSION, ...batch });

/** @throws Error when it is nothing that a shipper of this version and of this node wrote */
export function unpackBatch(message: Uint8Array, node: NodeId): ShippedBatch {
  const batch = unpackPayload(message) as Partial<ShippedBatch & { readonly version: number }> | null; // checked here
  if (batch?.version !== VERSION) throw new Error(`a batch of version ${String(batch?.version)}`);
  if (batch.node !== node) throw new Error(`a batch of node ${String(batch.node)}`);
  const { epoch, flight, from, to, usages, gaps } = batch;
  const isWhole =
    typeof epoch === "bigint" &&
    typeof flight === "number" &&
    typeof from === "bigint" &&
    typeof to?.sequence === "bigint" &&
    Array.isArray(usages) &&
    usages.every(isRecord) &&
    Array.isArray(gaps) &&
    gaps.every(isGap);
  if (!isWhole) throw new Error("a batch with parts missing");
  return { node, epoch, flight, from, to, usages, gaps };
}

/**
 * What the books are made of. The ledger refuses what else may be wrong with a record, and books the rest; but what has
 * none of this would fail before it gets there, again and again, with all of its node's usage waiting behind it.
 */
function isRecord(value: unknown): boolean {
  const record = value as Partial<UsageRecord> | null; // checked here
  return (
    typeof record?.id === "string" &&
    typeof record.tenant === "string" &&
    typeof record.charged === "bigint" &&
    typeof record.loss === "bigint" &&
    typeof record.usage === "object" &&
    Array.isArray(record.flags) &&
    Array.isArray(record.attempts) &&
    record.attempts.every((attempt) => typeof attempt === "object" && attempt !== null)
  );
}

function isGap(value: unknown): boolean {
  const gap = value as Partial<SpoolGap> | null; // checked here
  return typeof gap?.expected === "bigint" && typeof gap.found === "bigint";
}
