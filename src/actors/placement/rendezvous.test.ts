import { expect, test } from "bun:test";
import { nodeId } from "../../core/ids.ts";
import { SHARDS } from "../shard.ts";
import { rendezvous } from "./rendezvous.ts";

const shards = Array.from({ length: SHARDS }, (_, shard) => shard);
const nodes = ["a", "b", "c"].map(nodeId);

test("every node gets its share, in whatever order nodes are known", () => {
  const owners = shards.map((shard) => rendezvous(shard, nodes));
  expect(shards.map((shard) => rendezvous(shard, nodes.toReversed()))).toEqual(owners);
  for (const node of nodes) expect(owners.filter((owner) => owner === node).length).toBeGreaterThan(25);
});

test("a node that goes moves only its own shards", () => {
  for (const shard of shards) {
    const before = rendezvous(shard, nodes);
    const after = rendezvous(shard, nodes.slice(0, 2));
    if (before !== nodes[2]) expect(after).toBe(before);
  }
});

test("without nodes there is no owner", () => {
  expect(rendezvous(1, [])).toBeUndefined();
});
