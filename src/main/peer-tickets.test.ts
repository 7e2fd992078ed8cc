import { expect, test } from "bun:test";
import type { PeerAnswer, Peers } from "../actors/peers.ts";
import { nodeId } from "../core/ids.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { seededRandom } from "../core/random.ts";
import { createSeal } from "../ledger/sealed.ts";
import { createTicketStore, issueTicket } from "../ws/tickets.ts";
import { createPeerTickets } from "./peer-tickets.ts";

/** Nodes that hear each other at once; `asked` counts questions, `hold` keeps them waiting. */
function cluster(names: readonly string[]) {
  const clock = new ManualClock();
  const handlers = new Map<string, (payload: unknown) => Promise<unknown>>();
  const random = seededRandom(7);
  const world = { asked: 0, hold: undefined as Promise<void> | undefined };
  const seen: unknown[] = [];
  const nodes = names.map((name) => {
    const peers: Pick<Peers, "answer" | "askOthers"> = {
      answer: (_, handler) => void handlers.set(name, handler),
      async askOthers(_, payload) {
        world.asked += 1;
        await world.hold;
        const others = [...handlers].filter(([other]) => other !== name);
        return Promise.all(
          others.map(async ([other, handler]): Promise<PeerAnswer> => {
            const answer = await handler(payload);
            seen.push(answer);
            return { node: nodeId(other), ok: true, answer };
          }),
        );
      },
    };
    const seal = createSeal(new Uint8Array(32), random);
    // The only two calls that are made.
    return createPeerTickets(createTicketStore(clock), peers as Peers, seal);
  });
  return { nodes, world, seen, random };
}

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index];
  if (found === undefined) throw new Error(`nothing at ${index}`);
  return found;
};

test("a ticket is good once, at whichever node it is used, and its key is not read on the way", async () => {
  const { nodes, seen, random } = cluster(["a", "b", "c"]);
  const { ticket } = await issueTicket(at(nodes, 0), random, "sk-secret");
  expect(await at(nodes, 2).take(ticket)).toBe("sk-secret");
  for (const node of nodes) expect(await node.take(ticket)).toBeUndefined();
  const told = seen.filter((answer) => answer instanceof Uint8Array);
  expect(told).toHaveLength(1);
  expect(Buffer.from(told[0] as Uint8Array).includes("sk-secret")).toBe(false);
});

test("nobody is asked for what cannot be a ticket", async () => {
  const { nodes, world } = cluster(["a", "b"]);
  for (const text of ["", "x", "wst_", `wst_${"a".repeat(33)}`]) {
    expect(await at(nodes, 0).take(text)).toBeUndefined();
  }
  expect(world.asked).toBe(0);
});

test("a flood of invented tickets asks the other nodes a bounded number of questions at a time", async () => {
  const { nodes, world } = cluster(["a", "b"]);
  const held = Promise.withResolvers<void>();
  world.hold = held.promise;
  const invented = (number: number): string => `wst_${String(number).padStart(32, "0")}`;
  const asked = Array.from({ length: 64 }, (_, number) => at(nodes, 0).take(invented(number)));
  // The store of its own is asked first.
  await Promise.resolve();
  await Promise.resolve();
  await expect(Promise.resolve(at(nodes, 0).take(invented(64)))).rejects.toMatchObject({
    code: "overloaded",
  });
  expect(world.asked).toBe(64);
  held.resolve();
  expect(await Promise.all(asked)).toEqual(Array.from({ length: 64 }, () => undefined));
  expect(await at(nodes, 0).take(invented(65))).toBeUndefined();
});
