import { beforeEach, describe, expect, test } from "bun:test";
import { keyId, nodeId, tenantId, vendorId } from "../core/ids.ts";
import type { Ask } from "./definition.ts";
import type { Capacity, RateDenied, RateLeases, RateScope, RateTaken } from "./leases/leases.ts";
import { wholeOf } from "./leases/node-part.ts";
import { createRateLeases } from "./leases/rate-leases.ts";
import { LEASE_MS, LEASE_SWEEP_MS, RATE_RETRY_MS, RATE_WAIT_MS } from "./limits.ts";
import { type ShareAsk, Shares } from "./shares.ts";
import { tenantActor } from "./tenant.ts";
import { TENANT } from "./tenant-protocol.ts";
import { failureOf } from "./testing/counter-world.ts";
import { createLeaseWorld, type LeaseWorld } from "./testing/lease-world.ts";
import { ModelLedger } from "./testing/model-ledger.ts";
import { vendorActor } from "./vendor.ts";

const tenant = tenantId("acme");
const acme: RateScope = { kind: "tenant", tenant };
const limit: Capacity = { qps: 10, burst: 20 };

let world: LeaseWorld;
let ledger: ModelLedger;
let rates: RateLeases;

beforeEach(async () => {
  world = await createLeaseWorld(({ clock, random }) => {
    ledger = new ModelLedger(clock, random);
    return [tenantActor(ledger), vendorActor(async () => 0n)];
  });
  rates = createRateLeases(world.ports("n1"));
});

/** Takes, and lets time pass until it is decided. */
const take = async (scope: RateScope = acme, of = limit, leases = rates): Promise<RateTaken | RateDenied> =>
  world.decided(leases.take(scope, of));

/** How many of `count` takes are let in. */
async function admitted(count: number, scope: RateScope = acme, of = limit, leases = rates): Promise<number> {
  let sum = 0;
  for (let index = 0; index < count; index += 1) {
    const taken = await take(scope, of, leases);
    if (!taken.ok) continue;
    taken.release();
    sum += 1;
  }
  return sum;
}

describe("on one node", () => {
  test("the first take asks the owner, the others are synchronous", async () => {
    expect(rates.take(acme, limit)).toBeInstanceOf(Promise);
    await world.pass(10);
    expect(rates.take(acme, limit)).toMatchObject({ ok: true });
    expect(world.counts).toMatchObject({ hit: 1, miss: 1, asks: 1 });
  });

  test("it gets the whole limit: the burst, then the rate", async () => {
    expect(await admitted(50)).toBe(20);
    await world.pass(1_000);
    expect(await admitted(50)).toBe(10);
    await world.pass(10_000);
    expect(await admitted(50)).toBe(20);
  });

  test("says what is left, and when to try again", async () => {
    await take();
    expect(await take()).toMatchObject({ ok: true, state: { name: "tenant", limit: 20, remaining: 18 } });
    await admitted(18);
    expect(await take()).toEqual({
      ok: false,
      state: { name: "tenant", limit: 20, remaining: 0, resetMs: expect.any(Number) },
      retryAfterMs: expect.any(Number),
    });
    const denied = await take();
    if (denied.ok) throw new Error("was let in");
    await world.pass(denied.retryAfterMs);
    expect(await take()).toMatchObject({ ok: true });
  });

  test("who did not use it after all puts it back", async () => {
    const first = await take();
    await admitted(19);
    if (!first.ok) throw new Error("was not let in");
    first.undo();
    expect(await admitted(5)).toBe(1);
  });

  test("a steady load asks the owner twice in a term, and never waits", async () => {
    await take();
    for (let ms = 0; ms < 60_000; ms += 200) {
      expect(rates.take(acme, limit)).not.toBeInstanceOf(Promise);
      await world.pass(200, 200);
    }
    expect(world.counts.asks).toBeLessThanOrEqual(15);
  });

  test("tenant, key and vendor have limits of their own", async () => {
    const key: RateScope = { kind: "key", tenant, key: keyId("k1") };
    const vendor: RateScope = { kind: "vendor", vendor: vendorId("openai") };
    expect(await admitted(10, acme, { qps: 1, burst: 5 })).toBe(5);
    expect(await admitted(10, key, { qps: 1, burst: 3 })).toBe(3);
    expect(await admitted(10, vendor, { qps: 1, burst: 2 })).toBe(2);
  });

  test("without a limit nobody is asked", async () => {
    expect(rates.take(acme, {})).toMatchObject({ ok: true, state: undefined });
    expect(world.counts.asks).toBe(0);
  });

  test("an idle limit is given back with its tokens: coming back gives no new burst", async () => {
    const slow: Capacity = { qps: 0.01, burst: 10 };
    expect(await admitted(4, acme, slow)).toBe(4);
    await world.pass(LEASE_MS + 3 * LEASE_SWEEP_MS, 500);
    expect(await admitted(20, acme, slow)).toBe(6);
  });

  test("an owner that crashed does not hand out a new burst", async () => {
    expect(await admitted(50)).toBe(20);
    const crash = null as never;
    await failureOf(world.host.ask(TENANT, "acme", "share", crash));
    await world.pass(6_000, 100);
    expect(await admitted(100)).toBeLessThanOrEqual(20);
  });

  test("leases bridge an owner that is away, then refuse as overloaded", async () => {
    await take();
    world.losses.there = 1;
    await world.pass(5_000, 100);
    expect(await take()).toMatchObject({ ok: true });
    await world.pass(LEASE_MS, 100);
    expect(await failureOf(take())).toMatchObject({ code: "overloaded" });
    world.losses.there = 0;
    await world.pass(2_000, 100);
    expect(await take()).toMatchObject({ ok: true });
  });
});

describe("a limit that changes", () => {
  test("to less holds at once", async () => {
    await take();
    expect(await admitted(50, acme, { qps: 1, burst: 2 })).toBe(2);
  });

  test("to more holds as soon as the owner has answered", async () => {
    await admitted(50);
    const more: Capacity = { qps: 100, burst: 200 };
    await take(acme, more);
    await world.pass(1_000);
    expect(await admitted(200, acme, more)).toBeGreaterThanOrEqual(98);
  });

  test("in nothing but the object changes nothing", async () => {
    await take();
    const { asks } = world.counts;
    await take(acme, { ...limit });
    await world.pass(100);
    expect(world.counts.asks).toBe(asks);
  });
});

describe("slots", () => {
  const vendor: RateScope = { kind: "vendor", vendor: vendorId("openai") };
  const two: Capacity = { concurrency: 2 };

  test("are taken while requests run and free when they end", async () => {
    const [first, second, third] = [
      await take(vendor, two),
      await take(vendor, two),
      await take(vendor, two),
    ];
    expect([first.ok, second.ok, third.ok]).toEqual([true, true, false]);
    expect(third).toMatchObject({ state: { name: "vendor", limit: 2, remaining: 0 } });
    if (first.ok) first.release();
    expect(await take(vendor, two)).toMatchObject({ ok: true, state: undefined });
  });

  test("and rates hold together; a refused slot costs no token", async () => {
    const both: Capacity = { qps: 0.001, burst: 2, concurrency: 1 };
    const first = await take(vendor, both);
    expect((await take(vendor, both)).ok).toBe(false);
    if (first.ok) first.release();
    expect((await take(vendor, both)).ok).toBe(true);
  });

  test("of long requests stay taken over many terms", async () => {
    await take(vendor, two);
    await take(vendor, two);
    await world.pass(5 * LEASE_MS, 500);
    expect((await take(vendor, two)).ok).toBe(false);
    const other = createRateLeases(world.ports("n2"));
    expect((await take(vendor, two, other)).ok).toBe(false);
  });
});

describe("on several nodes", () => {
  test("a newcomer gets its share as soon as the others have let go", async () => {
    await take();
    const other = createRateLeases(world.ports("n2"));
    const began = world.clock.monotonic();
    expect(await take(acme, limit, other)).toMatchObject({ ok: true });
    expect(world.clock.monotonic() - began).toBeLessThan(500);
  });

  test("together they admit what the limit says, and no less", async () => {
    const hundred: Capacity = { qps: 100, burst: 10 };
    const nodes = [rates, createRateLeases(world.ports("n2")), createRateLeases(world.ports("n3"))];
    let sum = 0;
    for (let ms = 0; ms < 20_000; ms += 10) {
      for (const node of nodes) {
        const taken = node.take(acme, hundred);
        const count = (result: RateTaken | RateDenied) => {
          if (!result.ok) return;
          result.release();
          if (ms >= 10_000) sum += 1;
        };
        if (taken instanceof Promise) taken.then(count, () => {});
        else count(taken);
      }
      await world.pass(10, 10);
    }
    expect(Math.abs(sum / 10 - 100)).toBeLessThanOrEqual(1);
  });

  test("one that needs more gets what the others do not use", async () => {
    const hundred: Capacity = { qps: 100, burst: 10 };
    const other = createRateLeases(world.ports("n2"));
    await take(acme, hundred);
    await take(acme, hundred, other);
    let sum = 0;
    for (let ms = 0; ms < 20_000; ms += 10) {
      const taken = rates.take(acme, hundred);
      if (!(taken instanceof Promise) && taken.ok) {
        taken.release();
        if (ms >= 10_000) sum += 1;
      }
      if (ms % 1_000 === 0) void other.take(acme, hundred);
      await world.pass(10, 10);
    }
    expect(sum / 10).toBeGreaterThan(90);
  });

  test("a limit too small to be split is handed out by its owner", async () => {
    const tiny: Capacity = { qps: 0.1, burst: 1 };
    const nodes = [rates, createRateLeases(world.ports("n2")), createRateLeases(world.ports("n3"))];
    let sum = 0;
    for (let round = 0; round < 60; round += 1) {
      for (const node of nodes) {
        const taken = await take(acme, tiny, node);
        if (!taken.ok) continue;
        taken.release();
        sum += 1;
      }
      await world.pass(1_000, 100);
    }
    expect(sum).toBeGreaterThanOrEqual(6);
    expect(sum).toBeLessThanOrEqual(8);
  });

  test("slots go where they are needed", async () => {
    const vendor: RateScope = { kind: "vendor", vendor: vendorId("openai") };
    const four: Capacity = { concurrency: 4 };
    const other = createRateLeases(world.ports("n2"));
    const first = await take(vendor, four);
    if (first.ok) first.release();
    expect((await take(vendor, four, other)).ok).toBe(true);
    let running = 0;
    for (let ms = 0; ms < 12_000; ms += 50) {
      if ((await take(vendor, four)).ok) running += 1;
      await world.pass(50);
    }
    expect(running).toBe(3);
  });
});

describe("a node of several", () => {
  const window: Capacity = { qps: 1_000, algorithm: "sliding-window" };
  const whole = wholeOf(window, "sliding-window");
  /** Asks this owner, and nobody else. */
  const leasesOf = (owner: Shares): RateLeases => {
    const ask = (_kind: unknown, _key: unknown, _command: unknown, asked: unknown): Promise<unknown> =>
      Promise.resolve(owner.ask((asked as { ask: ShareAsk }).ask, world.clock.monotonic()));
    return createRateLeases({ ...world.ports("n1"), ask: ask as Ask }); // answers shares, all that is asked here
  };

  test("that comes while a new owner does not know yet what others hold waits for its part", async () => {
    const leases = leasesOf(new Shares(whole, 0, 500, "sliding-window"));
    expect(await take(acme, window, leases)).toMatchObject({ ok: true });
  });

  test("that has little as yet waits for its share rather than to refuse, but not for ever", async () => {
    const owner = new Shares(whole, 0, 0, "sliding-window");
    let sequence = 0;
    const otherHolds = (burst: number, returned: number): void => {
      sequence += 1;
      const holding = { qps: burst, burst, slots: 0 };
      const demand = { qps: 500, slots: 0 };
      const about = { node: nodeId("n2"), sequence, adopted: sequence - 1, whole, need: 0 };
      owner.ask(
        { ...about, algorithm: "sliding-window", holding, returned, demand },
        world.clock.monotonic(),
      );
    };
    otherHolds(0, 0);
    const leases = leasesOf(owner);
    const first = leases.take(acme, window);
    await world.pass(10);
    otherHolds(995, 5);
    await world.pass(2 * RATE_RETRY_MS);
    expect(await first).toMatchObject({ ok: true });
    expect(await admitted(4, acme, window, leases)).toBe(4);
    const sixth = leases.take(acme, window);
    expect(sixth).toBeInstanceOf(Promise);
    otherHolds(500, 495);
    await world.pass(2 * RATE_RETRY_MS);
    expect(await sixth).toMatchObject({ ok: true });
    expect(await admitted(2_000, acme, window, leases)).toBeLessThan(495);
    const began = world.clock.monotonic();
    expect(await take(acme, window, leases)).toMatchObject({ ok: false });
    expect(world.clock.monotonic() - began).toBeLessThanOrEqual(RATE_WAIT_MS);
  });
});
