import { beforeEach, describe, expect, test } from "bun:test";
import { BusError } from "../bus/bus.ts";
import { sleep } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { nodeId, tenantId } from "../core/ids.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import type { PurseHold, PurseLeases } from "./leases/leases.ts";
import { createPurseDesk, ownersDesk } from "./leases/purse-desk.ts";
import { createPurseLeases } from "./leases/purse-leases.ts";
import { DENIAL_MS, FRESH_BALANCE_MS, MAX_WAITING, RECALL_MS } from "./limits.ts";
import { tenantActor } from "./tenant.ts";
import { TENANT } from "./tenant-protocol.ts";
import { createLeaseWorld, type LeaseWorld, quiet } from "./testing/lease-world.ts";
import { ModelLedger } from "./testing/model-ledger.ts";

const µ = (amount: number | bigint) => micropointsOf(BigInt(amount));
const acme = tenantId("acme");

let world: LeaseWorld;
let ledger: ModelLedger;
let purses: PurseLeases;

beforeEach(async () => {
  world = await createLeaseWorld(({ clock, random }) => {
    ledger = new ModelLedger(clock, random);
    return [tenantActor(ledger)];
  });
  purses = createPurseLeases(world.ports("n1"));
});

/** Holds, and lets time pass until it is decided. */
const held = async (amount: number, atLeast = amount, leases = purses): Promise<PurseHold> =>
  world.decided(leases.hold(acme, µ(amount), µ(atLeast)));

const refusal = async (amount: number, leases = purses): Promise<SluiceError> => {
  try {
    await held(amount, amount, leases);
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
    throw thrown;
  }
  throw new Error("was not refused");
};

describe("a hold", () => {
  test("asks the owner when cold and is synchronous when warm", async () => {
    ledger.topUp(acme, µ(100_000));
    const first = purses.hold(acme, µ(100));
    expect(first).toBeInstanceOf(Promise);
    (await first).release();
    const second = purses.hold(acme, µ(100));
    expect(second).not.toBeInstanceOf(Promise);
    expect(world.counts).toMatchObject({ hit: 1, miss: 1 });
  });

  test("is settled from itself and what is available, and the rest is a loss", async () => {
    ledger.topUp(acme, µ(100));
    const hold = await held(60);
    const other = await held(40);
    expect(hold.settle(µ(70))).toEqual({ charged: µ(60), loss: µ(10) });
    other.release();
    expect(purses.purses().get(acme)).toEqual({ available: µ(40), held: ZERO, unsettled: µ(60) });
    purses.booked(acme, µ(60));
    expect(purses.purses().get(acme)).toEqual({ available: µ(40), held: ZERO, unsettled: ZERO });
  });

  test("cannot be ended twice", async () => {
    ledger.topUp(acme, µ(100));
    const hold = await held(60);
    hold.release();
    expect(() => hold.release()).toThrow("twice");
    expect(() => hold.settle(µ(1))).toThrow("twice");
  });

  test("of many at once asks the owner once for all", async () => {
    ledger.topUp(acme, µ(1_000_000));
    const holds = await world.decided(Promise.all(Array.from({ length: 500 }, () => held(100))));
    expect(holds).toHaveLength(500);
    expect(ledger.calls.grant).toBeLessThanOrEqual(2);
  });

  test("waits in line for what others give back while the owner is asked", async () => {
    ledger.topUp(acme, µ(100));
    const first = await held(100);
    ledger.troubles.latencyMs = 1_000;
    const second = purses.hold(acme, µ(80));
    expect(second).toBeInstanceOf(Promise);
    first.settle(µ(10));
    expect((await second).amount).toBe(µ(80));
  });
});

describe("an owner that does not answer", () => {
  test("refuses who waits and who comes, and hands out again once it is back", async () => {
    ledger.topUp(acme, µ(100_000));
    await held(10);
    ledger.troubles.before = 1;
    expect(await refusal(90_000)).toMatchObject({ code: "overloaded" });
    const { asks } = world.counts;
    expect(() => purses.hold(acme, µ(90_000))).toThrow("does not answer");
    expect(world.counts.asks).toBe(asks);
    ledger.troubles.before = 0;
    await world.pass(10_000, 50);
    expect((await held(90_000)).amount).toBe(µ(90_000));
  });

  test("does not keep anyone from what the node has", async () => {
    ledger.topUp(acme, µ(100_000));
    await held(10);
    ledger.troubles.before = 1;
    await refusal(90_000);
    expect(purses.hold(acme, µ(10))).not.toBeInstanceOf(Promise);
  });

  test("has a bounded line in front of it", async () => {
    ledger.topUp(acme, µ(10_000_000));
    ledger.troubles.latencyMs = 1_000;
    const waiting = Array.from({ length: MAX_WAITING }, () => purses.hold(acme, µ(1)));
    expect(() => purses.hold(acme, µ(1))).toThrow("Too many requests");
    await world.decided(Promise.all(waiting));
  });
});

describe("a short balance", () => {
  test("near zero grants exactly what is needed", async () => {
    ledger.topUp(acme, µ(100));
    await held(70);
    expect(purses.purses().get(acme)?.available).toBe(ZERO);
    expect(ledger.account(acme).balance).toBe(µ(30));
  });

  test("is denied with what would be affordable, and that can then be held", async () => {
    ledger.topUp(acme, µ(100));
    await held(70);
    const denial = await refusal(31);
    expect(denial).toMatchObject({ code: "insufficient_points", detail: { affordable: "0.00003" } });
    expect((await held(30)).amount).toBe(µ(30));
  });

  test("gives as much as there is when the request can do with less", async () => {
    ledger.topUp(acme, µ(100));
    expect((await held(300, 50)).amount).toBe(µ(100));
    expect((await refusal(1)).detail.affordable).toBe("0");
  });

  test("is denied from memory for a quarter second, then asked again", async () => {
    ledger.topUp(acme, µ(100));
    await held(100);
    await refusal(10);
    const { asks } = world.counts;
    for (let again = 0; again < 100; again += 1) await refusal(10);
    expect(world.counts.asks).toBe(asks);
    await world.pass(250);
    await refusal(10);
    expect(world.counts.asks).toBe(asks + 1);
  });

  test("a top-up ends the denial at once", async () => {
    ledger.topUp(acme, µ(100));
    await held(100);
    await refusal(10);
    ledger.topUp(acme, µ(50));
    const state = await world.host.ask(TENANT, acme, "refresh", null);
    expect(state.available).toBe(50n);
    await quiet();
    expect((await held(10)).amount).toBe(µ(10));
  });

  test("a top-up that nobody told of is found when the denial has run out", async () => {
    ledger.topUp(acme, µ(100));
    await held(100);
    await refusal(10);
    ledger.topUp(acme, µ(50));
    await world.pass(1_300);
    expect((await held(10)).amount).toBe(µ(10));
  });

  test("of an overdraft is used to its limit and no further", async () => {
    ledger.topUp(acme, µ(100));
    ledger.account(acme).overdraft = µ(50);
    expect((await held(150)).amount).toBe(µ(150));
    expect((await refusal(1)).detail.affordable).toBe("0");
    expect(ledger.account(acme).balance).toBe(µ(-50));
  });

  test("calls back what other nodes do not need before it denies", async () => {
    ledger.topUp(acme, µ(1_000));
    const other = createPurseLeases(world.ports("n2"));
    (await held(100, 100, other)).release();
    expect(other.purses().get(acme)?.available).toBeGreaterThan(µ(0));
    expect((await held(1_000)).amount).toBe(µ(1_000));
    expect(other.purses().get(acme)?.available).toBe(ZERO);
  });

  test("calls back what a node took that its owner did not know of", async () => {
    ledger.topUp(acme, µ(10_000));
    const other = createPurseLeases(world.ports("n2"));
    (await held(100, 100, other)).release();
    // While it could not reach the owner the third took its points from the ledger itself.
    const ports = world.ports("n3");
    const cutOff: typeof ports.ask = () => Promise.reject(new BusError("no_responders", "tenant", "cut off"));
    const { bus, clock } = world;
    const { grant } = createPurseDesk({ ask: cutOff, bus, clock, ledger, nodes: () => 3 });
    const { giveBack } = ownersDesk(ports.ask);
    const late = (...given: Parameters<typeof giveBack>) => sleep(clock, 20).then(() => giveBack(...given));
    const third = createPurseLeases(ports, { grant, giveBack: late });
    (await held(100, 100, third)).release();
    ledger.topUp(acme, µ(5_000));
    await world.pass(2 * FRESH_BALANCE_MS);
    expect((await held(15_000)).amount).toBe(µ(15_000));
    expect(third.purses().get(acme)?.available).toBe(ZERO);
  });

  test("waits for a silent node once, and then denies without waiting for it", async () => {
    ledger.topUp(acme, µ(1_000));
    // Its purse is in the ledger, but nobody is there to answer.
    await ledger.grant({ id: "old", tenant: acme, node: nodeId("dead"), amount: µ(600), atLeast: µ(1) });
    const began = world.clock.monotonic();
    expect((await refusal(1_000)).detail.affordable).toBe("0.0004");
    const decided = world.clock.monotonic();
    expect(decided - began).toBeGreaterThanOrEqual(RECALL_MS);
    await world.pass(DENIAL_MS);
    const again = world.clock.monotonic();
    await refusal(1_000);
    expect(world.clock.monotonic() - again).toBeLessThan(RECALL_MS);
  });
});
