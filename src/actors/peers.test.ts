import { expect, test } from "bun:test";
import { createInProcessBus } from "../bus/in-process.ts";
import { nodeId } from "../core/ids.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { createPeers } from "./peers.ts";
import { createMembership } from "./placement/membership.ts";

test("all others are asked; who cannot answer says why and holds nobody up", async () => {
  const clock = new ManualClock();
  const bus = createInProcessBus({ clock });
  const [a, b, c] = ["a", "b", "c"].map(nodeId).map((node) => {
    const membership = createMembership({ node, bus, clock });
    return { membership, peers: createPeers({ node, bus, membership }) };
  });
  if (a === undefined || b === undefined || c === undefined) throw new Error("three were made");
  await Bun.sleep(0);
  a.peers.answer("twice", async () => "not asked");
  b.peers.answer("twice", async (number) => Number(number) * 2);
  expect(a.peers.live().size).toBe(3);
  const answers = await a.peers.askOthers("twice", 21, 1_000);
  expect(answers.toSorted((one, other) => one.node.localeCompare(other.node))).toEqual([
    { node: nodeId("b"), ok: true, answer: 42 },
    { node: nodeId("c"), ok: false, cause: expect.objectContaining({ kind: "no_responders" }) },
  ]);
  b.peers.close();
  const [late] = await c.peers.askOthers("twice", 1, 1_000);
  expect(late?.ok).toBe(true);
});
