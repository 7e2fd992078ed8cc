import type { RateLimit } from "../../core/algorithms.ts";
import type { LimitState } from "../../core/errors.ts";
import type { KeyId, TenantId, VendorId } from "../../core/ids.ts";
import type { KeyBudget } from "../../core/key-limits.ts";
import type { Micropoints } from "../../core/points.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { TenantPath } from "./tenant-path.ts";

/**
 * What a request's path takes from: pieces of shared quantities that this node holds ahead of need. Each
 * answers synchronously while its lease is warm, else with a Promise while the owner is asked once for all
 * who wait. `now` is the clock's monotonic time: who takes from several at one moment reads it once.
 */

/** Points of a tenant set aside for one request; ends with exactly one of its two calls. */
export interface PurseHold {
  /** What is held: the amount asked for, or less (never below `atLeast`). */
  readonly amount: Micropoints;
  /** Takes the cost out of the hold and what is available beyond it; what is missing is the platform's loss. */
  settle(cost: Micropoints, now?: number): { readonly charged: Micropoints; readonly loss: Micropoints };
  release(): void;
  /** After `settle`: what it charged will not be booked, so it is available again. */
  refund(charged: Micropoints): void;
}

export interface PurseLeases {
  /**
   * Holds `amount`, or as much of it as the tenant has but not less than `atLeast` (default: all of it).
   * Throws or rejects with SluiceError `insufficient_points` (`detail.affordable`: what a hold could be now)
   * or `overloaded` (the owner does not answer; more wait than may).
   */
  hold(
    tenant: TenantId,
    amount: Micropoints,
    atLeast?: Micropoints,
    now?: number,
  ): PurseHold | Promise<PurseHold>;
  /** Tells that the ledger has booked this much of what was charged here. */
  booked(tenant: TenantId, amount: Micropoints): void;
  /** The node's own view, for reconciliation. */
  purses(): ReadonlyMap<TenantId, PurseView>;
  /** Gives every purse's available points back. Holds that still run keep theirs. Resolves when done or at the deadline. */
  drain(deadlineMs: number): Promise<void>;
}

export interface PurseView {
  readonly available: Micropoints;
  readonly held: Micropoints;
  /** Charged here, not yet booked by the ledger. */
  readonly unsettled: Micropoints;
}

/** Whose limit. The tenant owns its keys' limits, too. Who takes for each request keeps it, and makes none. */
export type RateScope =
  | { readonly kind: "tenant"; readonly tenant: TenantId }
  | { readonly kind: "key"; readonly tenant: TenantId; readonly key: KeyId }
  | { readonly kind: "vendor"; readonly vendor: VendorId }
  | TenantPath
  /** Requests to a public model, of all tenants. */
  | { readonly kind: "model"; readonly model: string }
  /** Its tokens. */
  | { readonly kind: "tokens"; readonly model: string }
  | { readonly kind: "global" };

/** Requests a second with a burst, and how many may run at once. Absent: not limited. */
export interface Capacity extends Partial<RateLimit> {
  readonly concurrency?: number;
}

export interface RateLeases {
  /**
   * Takes one request's worth from the limit: a token, and a slot where `concurrency` is limited. Keep the `limit` object the same while it does not change (compared by its values only when it is
   * another one). Of a leaky bucket the answer comes when it is the request's turn.
   * Rejects with SluiceError `overloaded` when the owner does not answer and nothing is left to act on.
   */
  take(
    scope: RateScope,
    limit: Capacity,
    now?: number,
  ): RateTaken | RateDenied | Promise<RateTaken | RateDenied>;
  /** Sets `count` tokens aside for one request, all or none. `limit.burst` is the most that one can have. */
  takeTokens(
    scope: RateScope,
    limit: Capacity,
    count: number,
    now?: number,
  ): TokensTaken | RateDenied | Promise<TokensTaken | RateDenied>;
  drain(deadlineMs: number): Promise<void>;
}

/** Ends with exactly one of its calls. */
export interface RateTaken {
  readonly ok: true;
  /** What was left then; Infinity when only concurrency is limited. */
  readonly remaining: number;
  /** How the limit stood then; undefined when only concurrency is limited. Made when it is asked for: few are shown. */
  readonly state: LimitState | undefined;
  /** Frees the slot. To be called when the request ends, also without `concurrency`. */
  release(): void;
  /** The request did not happen after all: frees the slot and puts the token back. */
  undo(): void;
}

export interface TokensTaken extends RateTaken {
  /** So many tokens were used: what is left goes back, what is missing becomes a debt. */
  settle(used: number): void;
}

export interface RateDenied {
  readonly ok: false;
  readonly state: LimitState;
  readonly retryAfterMs: number;
  /** It is more than the whole limit: waiting does not help. */
  readonly isTooLarge?: true;
}

export interface BudgetHold {
  readonly amount: Micropoints;
  settle(cost: Micropoints, now?: number): void;
  release(): void;
}

/** A key's budget, or a tenant's for one path of the API. */
export type BudgetSubject = { readonly tenant: TenantId; readonly key: KeyId } | TenantPath;

export interface BudgetLeases {
  /** As `PurseLeases.hold`, against a budget. The denial is `budget_exceeded` with `detail.affordable`. */
  hold(
    subject: BudgetSubject,
    budget: KeyBudget,
    amount: Micropoints,
    atLeast?: Micropoints,
    now?: number,
  ): BudgetHold | Promise<BudgetHold>;
  drain(deadlineMs: number): Promise<void>;
}

export interface QuotaLeases {
  /** Counts one call against the vendor's quota of this UTC day. */
  take(vendor: VendorId, dailyQuota: number): QuotaTaken | RateDenied | Promise<QuotaTaken | RateDenied>;
  drain(deadlineMs: number): Promise<void>;
}

export interface QuotaTaken {
  readonly ok: true;
  /** The call did not happen after all. */
  undo(): void;
}

/** What one call to a vendor showed. */
export type Observation =
  | { readonly ok: true; readonly durationMs: number; readonly firstTokenMs: number | undefined }
  | { readonly ok: false; readonly failure: VendorFailure }
  /** Ended by the client before it could show anything. */
  | { readonly ok: "unknown" };

export interface VendorView {
  readonly state: "closed" | "open" | "half_open";
  readonly firstTokenMs: { readonly p50: number; readonly p95: number } | undefined;
  /** Smoothed whole duration of a call. */
  readonly latencyMs: number | undefined;
  /** 0 to 1, of the last ten seconds. */
  readonly errorRatio: number;
  /** Vendor keys set aside at the moment. */
  readonly cooling: ReadonlySet<string>;
}

export interface VendorHealth {
  /** Cheap: made anew only when something changed. A vendor not seen yet is closed and unmeasured. */
  view(vendor: VendorId): VendorView;
  /** Right before a call. False: the breaker does not let this one through (open, or enough probes are out). */
  begin(vendor: VendorId): boolean;
  /** After every call that `begin` let through, exactly once. */
  report(vendor: VendorId, vendorKey: string, observation: Observation): void;
  /** The keys that are not set aside, the same array when none is. */
  usableKeys<Key extends { readonly id: string }>(vendor: VendorId, keys: readonly Key[]): readonly Key[];
  /** Stops reporting and listening. */
  close(): void;
}

/** Told on every take: `hit` was answered from what the node holds, `miss` had to ask the owner. */
export interface LeaseCounter {
  lease(kind: "purse" | "rate" | "vendor" | "budget", result: "hit" | "miss"): void;
}
