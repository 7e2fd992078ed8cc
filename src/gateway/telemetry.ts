import type { Operation, Tier } from "../core/catalog.ts";
import type { Outcome } from "../core/generation.ts";
import type { VendorId } from "../core/ids.ts";
import type { Micropoints } from "../core/points.ts";
import type { Usage } from "../core/usage.ts";

/** What the path of a request tells the outside about itself. `src/http/metrics.ts` turns it into Prometheus. */
export interface Telemetry {
  generationEnded(event: GenerationEnded): void;
  attemptFailed(event: {
    readonly vendor: VendorId;
    readonly model: string;
    readonly fault: string;
    readonly code: string;
  }): void;
  /** A further vendor was asked for an answer: to go on with it, or beside one that was slow to begin. */
  anotherVendor(event: {
    readonly why: "takeover" | "hedge";
    readonly vendor: VendorId;
    readonly model: string;
    /** False: the slow one came sooner after all, or this one failed. */
    readonly serves: boolean;
  }): void;
  /** Seconds from the vendor call to its first content. */
  firstToken(vendor: VendorId, model: string, region: string, seconds: number): void;
  streamOpened(): void;
  streamClosed(): void;
  /** A lease answered without (`hit`) or only after (`miss`) asking its owner. */
  lease(kind: "purse" | "rate" | "vendor" | "budget", result: "hit" | "miss"): void;
  /** An owner was asked, on whichever node it lives: a hop. */
  ownerAsked(actor: string, command: string): void;
}

export interface GenerationEnded {
  readonly operation: Operation;
  readonly tier: Tier;
  readonly vendor: VendorId | null;
  readonly model: string;
  readonly region: string;
  readonly outcome: Outcome;
  readonly usage: Usage;
  readonly cost: Micropoints;
  readonly loss: Micropoints;
  /** Of the serving vendor, start of its call to its end. */
  readonly vendorSeconds: number | null;
}
