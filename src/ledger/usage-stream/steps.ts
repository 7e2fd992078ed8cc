import type { ApplierCounts } from "./applier.ts";
import type { ShipperCounts } from "./shipper.ts";

/** What the usage stream did in this process since it started: batches, and how often sending began anew. */
export type UsageSteps = Readonly<Record<UsageStep, number>>;
export type UsageStep = "sent" | "begun_anew" | "applied" | "repeated" | "refused" | "dropped";

export const stepsOf = (shipped: Readonly<ShipperCounts>, applied: Readonly<ApplierCounts>): UsageSteps => ({
  sent: shipped.batchesSent,
  begun_anew: shipped.beganAnew,
  applied: applied.batchesApplied,
  repeated: applied.batchesRepeated,
  refused: applied.batchesRefused,
  dropped: applied.messagesDropped,
});
