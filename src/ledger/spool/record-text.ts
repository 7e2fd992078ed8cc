import { Packr } from "msgpackr";
import type { IntentRecord, ProgressRecord, SpoolRecord, UsageRecord } from "../records.ts";
import { amountOf, entryFrom, entryOf, textOfAmount } from "../usage-entry.ts";

/** A record as it stands in the spool: JSON without its kind (the frame says it), amounts as numbers in text. */
export function textOf(record: SpoolRecord): string {
  if (record.kind === "usage") return record.text;
  return JSON.stringify(record.kind === "intent" ? intentDocument(record) : progressDocument(record));
}

/** What `textOf` wrote; a checksum proves that it did. */
export function recordFrom(kind: SpoolRecord["kind"], text: string): SpoolRecord {
  if (kind === "usage") return entryFrom(text);
  if (kind === "intent") {
    const { hold, ...rest } = JSON.parse(text) as ReturnType<typeof intentDocument>;
    return { kind, ...rest, hold: amountOf(hold) };
  }
  const { cost, ...rest } = JSON.parse(text) as ReturnType<typeof progressDocument>;
  return { kind, ...rest, cost: amountOf(cost) };
}

const intentDocument = (intent: IntentRecord) => ({
  id: intent.id,
  tenant: intent.tenant,
  key: intent.key,
  tier: intent.tier,
  operation: intent.operation,
  model: intent.model,
  at: intent.at,
  hold: textOfAmount(intent.hold),
});

const progressDocument = (progress: ProgressRecord) => ({
  id: progress.id,
  tenant: progress.tenant,
  vendor: progress.vendor,
  vendorModel: progress.vendorModel,
  price: progress.price,
  usage: progress.usage,
  cost: textOfAmount(progress.cost),
});

/** The former form, MessagePack, which a spool on disk may still hold. */
const packr = new Packr({ useRecords: false });

/** A record in the former form, as it would be written today. */
export function unpackRecord(bytes: Uint8Array): SpoolRecord {
  const record = packr.unpack(bytes) as IntentRecord | ProgressRecord | UsageRecord; // its checksum proves it
  return record.kind === "usage" ? entryOf(record) : record;
}
