import { beforeEach, describe, expect, test } from "bun:test";
import { nodeId, tenantId } from "../core/ids.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import type { PurseHold, PurseLeases } from "./leases/leases.ts";
import { createPurseLeases } from "./leases/purse-leases.ts";
import { IDLE_PURSE_MS, LEASE_SWEEP_MS } from "./limits.ts";
import { tenantActor } from "./tenant.ts";
import { failureOf } from "./testing/counter-world.ts";
import { createLeaseWorld, type LeaseWorld } from "./testing/lease-world.ts";
import { lateFirstGrant, ModelLedger } from "./testing/model-ledger.ts";

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

describe("refilling", () => {
  /** One request each `everyMs` for a while; answers how many had to wait. */
  async function run(seconds: number, everyMs: number, cost: number, hold = cost): Promise<number> {
    let misses = 0;
    for (let ms = 0; ms < seconds * 1_000; ms += everyMs) {
      const taken = purses.hold(acme, µ(hold));
      if (taken instanceof Promise) misses += 1;
      (await taken).settle(µ(cost));
      purses.booked(acme, µ(cost));
      await world.pass(everyMs, everyMs);
      ledger.book(acme, world.ports("n1").node, µ(cost));
    }
    return misses;
  }

  test("happens ahead of need: a steady load waits once, and asks seldom", async () => {
    ledger.topUp(acme, µ(1_000_000_000));
    const misses = await run(30, 10, 1_000);
    expect(misses).toBe(1);
    expect((world.counts.asks * 1_000) / 3_000).toBeLessThan(10);
    ledger.check();
  });

  test("keeps small what one node has of a small balance", async () => {
    ledger.topUp(acme, µ(100_000));
    await run(1, 10, 100);
    const held = purses.purses().get(acme)?.available ?? ZERO;
    expect(held).toBeLessThanOrEqual(µ(50_000));
  });
});

describe("a grant of which the ledger hears late", () => {
  test("after it has refused a later try of it, is found and goes back", async () => {
    ledger.topUp(acme, µ(100));
    const late = lateFirstGrant(ledger, nodeId("n2"));
    expect(await failureOf(held(100))).toMatchObject({ code: "insufficient_points" });
    ledger.topUp(acme, µ(100));
    await late();
    await world.pass(4 * LEASE_SWEEP_MS, 100);
    expect(purses.purses().get(acme)?.available).toBe(µ(100));
    await world.pass(IDLE_PURSE_MS + 2 * LEASE_SWEEP_MS, 500);
    expect(ledger.account(acme)).toMatchObject({ balance: µ(100) });
  });
});

describe("a purse that is not used", () => {
  test("is given back after a minute and forgotten", async () => {
    ledger.topUp(acme, µ(10_000));
    (await held(100)).release();
    await world.pass(IDLE_PURSE_MS + 2 * LEASE_SWEEP_MS, 500);
    expect(purses.purses().size).toBe(0);
    expect(ledger.account(acme)).toMatchObject({ balance: µ(10_000) });
  });

  test("stays while something of it is held or not booked yet", async () => {
    ledger.topUp(acme, µ(10_000));
    const hold = await held(100);
    await world.pass(2 * IDLE_PURSE_MS, 500);
    hold.settle(µ(40));
    await world.pass(2 * IDLE_PURSE_MS, 500);
    expect(purses.purses().get(acme)?.unsettled).toBe(µ(40));
    purses.booked(acme, µ(40));
    ledger.book(acme, world.ports("n1").node, µ(40));
    await world.pass(2 * LEASE_SWEEP_MS, 500);
    expect(purses.purses().size).toBe(0);
    expect(ledger.account(acme).balance).toBe(µ(9_960));
  });
});

describe("draining", () => {
  test("gives back what is available, and leaves what is held and what is not booked", async () => {
    ledger.topUp(acme, µ(10_000));
    const hold = await held(100);
    (await held(50)).settle(µ(20));
    await purses.drain(5_000);
    expect(ledger.account(acme).purses.get(world.ports("n1").node)).toBe(µ(120));
    expect(hold.settle(µ(100))).toEqual({ charged: µ(100), loss: ZERO });
    expect(await failureOf((async () => purses.hold(tenantId("new"), µ(1)))())).toMatchObject({
      code: "overloaded",
    });
  });

  test("waits for a grant that is on its way, so that it is given back, too", async () => {
    ledger.topUp(acme, µ(10_000));
    ledger.troubles.latencyMs = 400;
    const waiting = failureOf(Promise.resolve(purses.hold(acme, µ(100))));
    await world.decided(purses.drain(5_000));
    expect(await waiting).toMatchObject({ code: "overloaded" });
    expect(ledger.account(acme).balance).toBe(µ(10_000));
  });

  test("ends at its deadline when the owner does not answer", async () => {
    ledger.topUp(acme, µ(10_000));
    (await held(100)).release();
    ledger.troubles.before = 1;
    await world.decided(purses.drain(5_000));
    expect(purses.purses().get(acme)?.available).toBe(ZERO);
    ledger.check();
  });
});
