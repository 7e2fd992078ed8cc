import { beforeEach, describe, expect, test } from "bun:test";
import type { Capacity, RateDenied, RateLeases, RateScope, TokensTaken } from "./leases/leases.ts";
import { createRateLeases } from "./leases/rate-leases.ts";
import { LIMIT, limitActor, modelKey } from "./limit.ts";
import { failureOf } from "./testing/counter-world.ts";
import { createLeaseWorld, type LeaseWorld } from "./testing/lease-world.ts";

const model: RateScope = { kind: "tokens", model: "m" };
/** 6,000 tokens a minute. */
const tpm: Capacity & { burst: number } = { qps: 100, burst: 6_000 };

let world: LeaseWorld;
let nodes: readonly RateLeases[];

beforeEach(async () => {
  world = await createLeaseWorld(() => [limitActor()]);
  nodes = ["n1", "n2", "n3"].map((name) => createRateLeases(world.ports(name)));
});

const leasesOf = (node: number): RateLeases => {
  const leases = nodes[node];
  if (leases === undefined) throw new Error("there is no such node");
  return leases;
};

const take = (count: number, node = 0, limit = tpm): Promise<TokensTaken | RateDenied> =>
  world.decided(leasesOf(node).takeTokens(model, limit, count));

async function taken(count: number, node = 0, limit = tpm): Promise<TokensTaken> {
  const result = await take(count, node, limit);
  if (!result.ok) throw new Error("was not let in");
  return result;
}

describe.each<[string, Capacity & { burst: number }]>([
  ["token bucket", tpm],
  ["sliding window", { ...tpm, algorithm: "sliding-window" }],
])("tokens of a model, counted as a %s", (_algorithm, limit) => {
  test("are set aside, and what was not used comes back", async () => {
    const first = await taken(4_000, 0, limit);
    expect((await take(4_000, 0, limit)).ok).toBe(false);
    first.settle(500);
    expect(await take(4_000, 0, limit)).toMatchObject({ ok: true, state: { limit: 6_000 } });
  });

  test("used beyond what was set aside are a debt", async () => {
    (await taken(1_000, 0, limit)).settle(6_000);
    expect((await take(100, 0, limit)).ok).toBe(false);
    await world.pass(30_000, 500);
    expect((await take(3_200, 0, limit)).ok).toBe(false);
  });

  test("of a request that did not happen come back whole", async () => {
    (await taken(6_000, 0, limit)).undo();
    expect((await take(6_000, 0, limit)).ok).toBe(true);
  });

  test("of one request larger than the whole limit are refused as that", async () => {
    expect(await take(6_001, 0, limit)).toMatchObject({ ok: false, isTooLarge: true });
  });

  test("a request larger than a node's part is let in where it fits into the whole", async () => {
    for (const node of [0, 1, 2]) (await taken(10, node, limit)).settle(0);
    await world.pass(2_000);
    (await taken(5_000, 1, limit)).settle(5_000);
    expect((await take(5_000, 2, limit)).ok).toBe(false);
  });

  test("three nodes use them up together and no more", async () => {
    let used = 0;
    for (let step = 0; step < 600; step += 1) {
      const result = leasesOf(step % 3).takeTokens(model, limit, 200);
      const settle = (one: TokensTaken | RateDenied): void => {
        if (!one.ok) return;
        used += 150;
        one.settle(150);
      };
      if (result instanceof Promise) result.then(settle, () => {});
      else settle(result);
      await world.pass(100, 100);
    }
    // A minute: a bucket gives its burst and what it fills by, a window its burst.
    expect(used).toBeLessThanOrEqual(limit.algorithm === undefined ? 12_000 : 6_000);
    expect(used).toBeGreaterThan(limit.algorithm === undefined ? 11_000 : 5_300);
  });
});

describe("a model's requests", () => {
  const requests: RateScope = { kind: "model", model: "m" };

  test("run at most so many at once, over all nodes", async () => {
    const limit: Capacity = { concurrency: 3 };
    const running = [];
    for (let count = 0; count < 9; count += 1) {
      const result = await world.decided(leasesOf(count % 3).take(requests, limit));
      if (result.ok) running.push(result);
    }
    expect(running).toHaveLength(3);
    running[0]?.release();
    let tries = 0;
    // Where it is wanted shows with the next renewals.
    while (!(await world.decided(leasesOf(2).take(requests, limit))).ok && tries < 60) {
      tries += 1;
      await world.pass(250);
    }
    expect(tries).toBeLessThan(60);
    expect((await world.decided(leasesOf(2).take(requests, limit))).ok).toBe(false);
  });

  test("and its tokens and everything are limits of their own", async () => {
    const one: Capacity = { qps: 0.001, burst: 1 };
    const scopes: readonly RateScope[] = [requests, { kind: "global" }, { kind: "model", model: "other" }];
    for (const scope of scopes) {
      expect((await world.decided(leasesOf(0).take(scope, one))).ok).toBe(true);
      expect(await world.decided(leasesOf(0).take(scope, one))).toMatchObject({
        ok: false,
        state: { name: scope.kind },
      });
    }
    expect((await take(100)).ok).toBe(true);
  });
});

describe("an owner that crashed", () => {
  test.each<Capacity>([
    { qps: 10, burst: 50 },
    { qps: 10, burst: 50, algorithm: "sliding-window" },
  ])("hands out no second burst of %p", async (limit) => {
    const scope: RateScope = { kind: "model", model: "m" };
    const admitted = async (): Promise<number> => {
      let sum = 0;
      for (let count = 0; count < 100; count += 1) {
        if ((await world.decided(leasesOf(count % 3).take(scope, limit))).ok) sum += 1;
      }
      return sum;
    };
    const began = world.clock.monotonic();
    const before = await admitted();
    const crash = null as never;
    await failureOf(world.host.ask(LIMIT, modelKey("m"), "share", crash));
    await world.pass(500);
    const after = await admitted();
    const seconds = (world.clock.monotonic() - began) / 1_000;
    expect(before + after).toBeLessThanOrEqual(50 + (limit.algorithm === undefined ? 10 * seconds : 0));
  });
});

test("a limit that counts in another way from now on takes over, and running requests end as they began", async () => {
  const scope: RateScope = { kind: "model", model: "m" };
  const first = await world.decided(leasesOf(0).take(scope, { qps: 1, burst: 3, concurrency: 2 }));
  if (!first.ok) throw new Error("was not let in");
  const changed: Capacity = { qps: 1, burst: 3, concurrency: 2, algorithm: "sliding-window" };
  const second = await world.decided(leasesOf(0).take(scope, changed));
  expect(second.ok).toBe(true);
  first.release();
  if (second.ok) second.release();
  await world.pass(60_000, 1_000);
  expect(world.host.find(LIMIT.name, modelKey("m"))?.summary).toEqual({ limits: 0 });
  expect(world.errors).toEqual([]);
});
