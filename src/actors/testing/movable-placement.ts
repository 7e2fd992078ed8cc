import type { NodeId } from "../../core/ids.ts";
import type { Placement, PlacementListener } from "../placement.ts";
import { SHARDS } from "../shard.ts";

/** Shards that a test moves between hosts as it likes. */
export class MovableShards {
  readonly #owners: (NodeId | undefined)[] = Array.from({ length: SHARDS }, () => undefined);
  readonly #listeners = new Map<NodeId, PlacementListener>();

  placementOf(node: NodeId): Placement {
    return {
      start: async (listener) => {
        this.#listeners.set(node, listener);
      },
      owns: (shard) => this.#owners[shard] === node,
      ownerOf: (shard) => this.#owners[shard],
      stop: async () => {
        this.#listeners.delete(node);
      },
    };
  }

  /** The former owner learns of it at once, or (`isSilent`) not at all: as one that was cut off. */
  move(node: NodeId, leasesUntil: number, isSilent = false): void {
    for (let shard = 0; shard < SHARDS; shard += 1) {
      const former = this.#owners[shard];
      this.#owners[shard] = node;
      if (former !== undefined && !isSilent) this.#listeners.get(former)?.lost(shard);
      this.#listeners.get(node)?.acquired(shard, leasesUntil);
    }
  }
}
