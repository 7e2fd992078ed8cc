import type { NodeId } from "../core/ids.ts";

/** Who owns which shard. The host follows; an actor never knows. */
export interface Placement {
  /** Begins to take shards. `listener` is told of each change, never within this call's own stack. */
  start(listener: PlacementListener): Promise<void>;
  /** True while this node may answer for the shard. Checked before and after every command: cheap. */
  owns(shard: number): boolean;
  /** As far as is known here. */
  ownerOf(shard: number): NodeId | undefined;
  /** Gives all shards away. */
  stop(): Promise<void>;
}

export interface PlacementListener {
  /** `leasesUntil`: monotonic time until which leases granted by a former owner may be held; 0 for none. */
  acquired(shard: number, leasesUntil: number): void;
  lost(shard: number): void;
}
