import { packPayload, unpackPayload } from "../../bus/payload.ts";
import type { NodeId } from "../../core/ids.ts";
import type { UsageBatch } from "../book-usage.ts";
import type { UsageEntry, UsageRecord } from "../records.ts";
import type { SpoolGap } from "../spool/read-segments.ts";
import { entryOf, readEntry } from "../usage-entry.ts";

/** A batch on its way through the log. */
export interface ShippedBatch extends UsageBatch {
  /** Counts how often its node began anew: what a notice says about an earlier flight is history. */
  readonly flight: number;
}

/** Usage as the texts of its entries. */
const VERSION = 2;

/** Usage as objects: what nodes sent before, and may still send while a cluster is renewed node by node. */
const FORMER_VERSION = 1;

export const packBatch = ({ usages, ...about }: ShippedBatch): Uint8Array =>
  packPayload({ version: VERSION, ...about, usages: usages.map(({ text }) => text) });

/** A message before its parts are looked at. */
type Unchecked = Partial<Omit<ShippedBatch, "usages">> & {
  readonly version?: unknown;
  readonly usages?: unknown;
};

/** @throws Error when it is nothing that a shipper of a known version and of this node wrote */
export function unpackBatch(message: Uint8Array, node: NodeId): ShippedBatch {
  const batch = unpackPayload(message) as Unchecked | null; // checked here
  const version = batch?.version;
  if (batch === null || (version !== VERSION && version !== FORMER_VERSION))
    throw new Error(`a batch of version ${String(version)}`);
  if (batch.node !== node) throw new Error(`a batch of node ${String(batch.node)}`);
  const { epoch, flight, from, to, gaps } = batch;
  const isWhole =
    typeof epoch === "bigint" &&
    typeof flight === "number" &&
    typeof from === "bigint" &&
    typeof to?.sequence === "bigint" &&
    Array.isArray(gaps) &&
    gaps.every(isGap);
  if (!isWhole) throw new Error("a batch with parts missing");
  return { node, epoch, flight, from, to, usages: entriesIn(batch.usages, version), gaps };
}

function entriesIn(usages: unknown, version: typeof VERSION | typeof FORMER_VERSION): readonly UsageEntry[] {
  if (!Array.isArray(usages)) throw new Error("a batch without usage");
  return usages.map(version === VERSION ? entryFrom : formerEntry);
}

function entryFrom(text: unknown): UsageEntry {
  if (typeof text !== "string") throw new Error("a usage record that is no text");
  return readEntry(text);
}

/** What the text is made of must be there; the rest is for `readEntry` to judge. */
function formerEntry(value: unknown): UsageEntry {
  const record = value as Partial<UsageRecord> | null; // checked here
  const isWhole =
    typeof record?.charged === "bigint" &&
    typeof record.loss === "bigint" &&
    Array.isArray(record.attempts) &&
    record.attempts.every((attempt) => typeof attempt === "object" && attempt !== null);
  if (!isWhole) throw new Error("a usage record with parts missing");
  return readEntry(entryOf(record as UsageRecord).text);
}

function isGap(value: unknown): boolean {
  const gap = value as Partial<SpoolGap> | null; // checked here
  return typeof gap?.expected === "bigint" && typeof gap.found === "bigint";
}
