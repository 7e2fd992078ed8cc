import type { Operation, Tier } from "../core/catalog.ts";
import type { Outcome } from "../core/generation.ts";
import type { KeyId, NodeId, PriceId, RequestId, StreamId, TenantId, VendorId } from "../core/ids.ts";
import type { Micropoints } from "../core/points.ts";
import type { Usage } from "../core/usage.ts";

/**
 * What the spool holds. INTENT is written before a vendor is called, PROGRESS now and then while a stream
 * runs, USAGE (fsynced) before the last byte leaves. After a crash an INTENT without USAGE is in doubt and
 * is charged for its last PROGRESS.
 */
export type SpoolRecord = IntentRecord | ProgressRecord | UsageEntry;

interface RecordBase {
  readonly id: RequestId;
  readonly tenant: TenantId;
}

export interface IntentRecord extends RecordBase {
  readonly kind: "intent";
  readonly key: KeyId;
  readonly tier: Tier;
  readonly operation: Operation;
  readonly model: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly hold: Micropoints;
}

/** Whose INTENT it is: told what has become of it. */
export interface IntentOwner {
  intentWritten(): void;
  intentRefused(): void;
}

/** Whose USAGE it is: told once it is on disk, or that it is not. */
export interface UsageOwner {
  usageWritten(): void;
  usageRefused(): void;
}

export interface ProgressRecord extends RecordBase {
  readonly kind: "progress";
  readonly vendor: VendorId;
  readonly vendorModel: string;
  readonly price: PriceId | null;
  readonly usage: Usage;
  /** What this much would be charged. Never above the hold. */
  readonly cost: Micropoints;
}

export interface UsageRecord extends RecordBase {
  readonly kind: "usage";
  readonly key: KeyId;
  readonly tier: Tier;
  readonly node: NodeId;
  readonly region: string;
  readonly operation: Operation;
  readonly stream: StreamId | null;
  readonly model: string;
  /** Null when no vendor was reached. */
  readonly vendor: VendorId | null;
  readonly vendorModel: string | null;
  /** Epoch milliseconds when the request was admitted; decides the day it is booked under. */
  readonly at: number;
  readonly durationMs: number;
  readonly firstTokenMs: number | null;
  readonly outcome: Outcome;
  readonly finishReason: string | null;
  readonly errorCode: string | null;
  readonly usage: Usage;
  readonly price: PriceId | null;
  /** Taken from the tenant's purse. */
  readonly charged: Micropoints;
  /** Consumed at the vendor but not paid by the tenant: booked to the platform's loss account. */
  readonly loss: Micropoints;
  readonly attempts: readonly AttemptRecord[];
  readonly flags: readonly UsageFlag[];
}

/**
 * A usage record on its way into the ledger: one JSON text, which the spool holds, the stream of a cluster carries and the
 * ledger books, and beside it what is asked for on the way. For the collector it is one object where a record is five.
 */
export interface UsageEntry extends RecordBase {
  readonly kind: "usage";
  readonly charged: Micropoints;
  readonly text: string;
}

export interface AttemptRecord {
  readonly vendor: VendorId;
  readonly vendorModel: string;
  readonly keyId: string;
  readonly startedMs: number;
  readonly durationMs: number;
  readonly result: "served" | "failed" | "cancelled";
  readonly status: number;
  readonly errorCode: string | null;
  readonly vendorCode: string | null;
  /** What this call consumed and cost; only where more than one call did. */
  readonly usage?: Usage;
  readonly cost?: Micropoints;
  readonly price?: PriceId;
}

/** Why a charge is not simply what the vendor said. */
export type UsageFlag =
  /** The vendor never told its usage: estimated from what was delivered. */
  | "usage_estimated"
  /** The vendor's usage was negative or absurd: estimated instead. */
  | "usage_implausible"
  /** The vendor charged beyond the hold. */
  | "beyond_hold"
  /** Part of the cost could not be taken from the tenant. */
  | "platform_loss"
  /** Found after a crash without a USAGE record. */
  | "in_doubt"
  /** The output was capped to what the balance could pay for. */
  | "capped";
