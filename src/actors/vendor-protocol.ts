import type { NodeId } from "../core/ids.ts";
import { actorKind } from "./definition.ts";
import type { LimitOwnerProtocol } from "./limit-owner.ts";

/** The owner of what is known about a vendor and of the limits toward it. Its key is the vendor's id. */
export const VENDOR = actorKind<VendorProtocol>("vendor");

export type VendorProtocol = LimitOwnerProtocol & {
  /** What a node saw since its last report. */
  report: { ask: HealthReport; reply: null };
  view: { ask: null; reply: MergedHealth };
};

export interface HealthReport {
  readonly node: NodeId;
}

export interface MergedHealth {
  readonly vendor: string;
}
