import { keyId, nodeId, requestId, tenantId, vendorId } from "../../core/ids.ts";

import { type Micropoints, ZERO } from "../../core/points.ts";
import { NO_USAGE } from "../../core/usage.ts";
import type { IntentRecord, ProgressRecord, UsageEntry, UsageRecord } from "../records.ts";
import { entryOf } from "../usage-entry.ts";

/** Spool records for tests: complete, and of one node and tenant unless told otherwise. */
export const node = nodeId("n1");
export const region = "local";

const base = {
  tenant: tenantId("t"),
  key: keyId("k"),
  tier: "normal",
  operation: "chat",
  model: "m",
  at: Date.UTC(2026, 0, 15, 12),
} as const;

export function intentOf(id: string, changes: Partial<IntentRecord> = {}): IntentRecord {
  return { ...base, kind: "intent", id: requestId(id), hold: ZERO, ...changes };
}

export function progressOf(id: string, cost: Micropoints): ProgressRecord {
  return {
    kind: "progress",
    id: requestId(id),
    tenant: base.tenant,
    vendor: vendorId("v"),
    vendorModel: "vm",
    price: null,
    usage: { ...NO_USAGE, output: 4 },
    cost,
  };
}

export function usageOf(id: string, changes: Partial<UsageRecord> = {}): UsageRecord {
  return {
    ...base,
    kind: "usage",
    id: requestId(id),
    node,
    region,
    stream: null,
    vendor: vendorId("v"),
    vendorModel: "vm",
    durationMs: 12,
    firstTokenMs: 5,
    outcome: "completed",
    finishReason: "stop",
    errorCode: null,
    usage: { ...NO_USAGE, input: 3, output: 4 },
    price: null,
    charged: ZERO,
    loss: ZERO,
    attempts: [],
    flags: [],
    ...changes,
  };
}

/** As the spool gives it to whoever carries it to the ledger. */
export const usageEntry = (id: string, changes: Partial<UsageRecord> = {}): UsageEntry =>
  entryOf(usageOf(id, changes));
