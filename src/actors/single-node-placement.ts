import type { NodeId } from "../core/ids.ts";
import type { Placement, PlacementListener } from "./placement.ts";
import { SHARDS } from "./shard.ts";

/** The only node owns everything, and nobody did before it. */
export function createSingleNodePlacement(node: NodeId): Placement {
  let isOwner = false;
  return {
    async start(listener: PlacementListener) {
      await Promise.resolve();
      isOwner = true;
      for (let shard = 0; shard < SHARDS; shard += 1) listener.acquired(shard, 0);
    },
    owns: () => isOwner,
    ownerOf: () => (isOwner ? node : undefined),
    async stop() {
      isOwner = false;
    },
  };
}
