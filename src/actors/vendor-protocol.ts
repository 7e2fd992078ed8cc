import type { NodeId } from "../core/ids.ts";
import { actorKind } from "./definition.ts";
import type { BreakerState, Results } from "./health/breaker.ts";
import type { LimitOwnerProtocol } from "./limit-owner.ts";

/** The owner of what is known about a vendor and of the limits toward it. Its key is the vendor's id. */
export const VENDOR = actorKind<VendorProtocol>("vendor");

export type VendorProtocol = LimitOwnerProtocol & {
  /** What a node saw since its last report; answered with what all nodes saw. */
  report: { ask: HealthReport; reply: MergedHealth };
  view: { ask: null; reply: MergedHealth };
};

/** Deltas: lost ones are lost, which advice can bear. */
export interface HealthReport extends Results {
  readonly node: NodeId;
  /** Milliseconds to the first token, as `[bucket, count]` of `LatencyHistogram`. */
  readonly firstToken: readonly (readonly [bucket: number, count: number])[];
  /** Whole durations of calls that succeeded: their sum in milliseconds, and how many. */
  readonly durations: { readonly sumMs: number; readonly count: number };
  /** Vendor keys that this node set aside. */
  readonly cooling: readonly CoolingKey[];
  /** A request would go to this vendor if it were let through. */
  readonly wantsProbe: boolean;
  /** The probe that this node was granted ended without a result. */
  readonly endedProbe: boolean;
}

export interface CoolingKey {
  readonly key: string;
  /** From now on: clocks of nodes are never compared. */
  readonly ms: number;
}

export interface MergedHealth {
  readonly vendor: string;
  /** Grows with every change; a view that was overtaken is ignored. */
  readonly version: number;
  readonly state: BreakerState;
  readonly errorRatio: number;
  readonly requests: number;
  readonly firstTokenMs: { readonly p50: number; readonly p95: number } | null;
  readonly latencyMs: number | null;
  readonly cooling: readonly CoolingKey[];
  /** While half open: the node that may send the one request that is tried. */
  readonly probe: { readonly node: NodeId; readonly id: number } | null;
}
