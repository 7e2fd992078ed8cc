import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type TestRedis, testRedis } from "../../tests/redis.ts";
import type { RateDenied, RateTaken } from "../actors/leases/leases.ts";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { seededRandom } from "../core/random.ts";
import { connectRedis } from "./connection.ts";
import { createGlobalLimiter, type GlobalLimiter, type GlobalLimiterPorts } from "./global-limiter.ts";
import type { Redis } from "./redis.ts";

/** Servers are started and killed here, also on a busy machine. */
setDefaultTimeout(60_000);

let server: TestRedis;
const connections: Redis[] = [];
let clock: ManualClock;
let names = 0;
let name: string;

beforeAll(async () => {
  server = await testRedis();
  for (let node = 0; node < 3; node += 1) {
    connections.push(await connectRedis({ urls: [server.url], clock: systemClock, log: silentLog }));
  }
}, 60_000);
afterAll(async () => {
  for (const redis of connections) await redis.close();
  await server.dispose();
});
beforeEach(() => {
  clock = new ManualClock();
  names += 1;
  name = `limit-${names}`;
});

interface Limited {
  take(): ReturnType<GlobalLimiter["take"]>;
  readonly counts: GlobalLimiter["counts"];
}

/** A limiter of each node, in a world where Redis' time is the test's. `limit` may answer another one later. */
function limiters(
  limit: { qps: number; burst?: number } | (() => { qps: number; burst: number }),
  changes: Partial<GlobalLimiterPorts> = {},
): Limited[] {
  return connections.map((redis) => {
    const limiter = createGlobalLimiter({
      redis,
      clock,
      log: silentLog,
      name,
      redisTime: () => Math.round(clock.now() * 1_000),
      ...changes,
    });
    return {
      take: () => limiter.take(typeof limit === "function" ? limit() : limit),
      counts: limiter.counts,
    };
  });
}

const only = (all: readonly Limited[]): Limited => {
  const [first] = all;
  if (first === undefined) throw new Error("there is one");
  return first;
};

/** Takes `count` at once; how many were admitted. */
async function take(limiter: Limited, count: number): Promise<number> {
  // What a limiter answers is what admission takes for any other rate.
  const results: (RateTaken | RateDenied)[] = await Promise.all(
    Array.from({ length: count }, () => limiter.take()),
  );
  return results.filter(({ ok }) => ok).length;
}

describe("three nodes under one limit", () => {
  test("admit together what the limit gives, and use what they draw, while more is asked of each", async () => {
    const all = limiters({ qps: 100, burst: 100 });
    const perSecond: number[] = [];
    for (let second = 0; second < 10; second += 1) {
      let admitted = 0;
      for (let step = 0; step < 100; step += 1) {
        await clock.advance(10);
        const taken = await Promise.all(all.map((limiter) => take(limiter, 2)));
        admitted += taken.reduce((sum, one) => sum + one, 0);
      }
      perSecond.push(admitted);
    }
    // A slice is seven tokens here: so much may go from one second into the next.
    expect(perSecond[0]).toBeWithin(200 - 3 * 7, 201);
    for (const admitted of perSecond.slice(1)) expect(admitted).toBeWithin(100 - 3 * 7, 100 + 3 * 7 + 1);
    const sum = perSecond.reduce((total, one) => total + one, 0);
    expect(sum).toBeWithin(1_100 - 3 * 7, 1_101);
    expect(all.map(({ counts }) => counts.admittedAlone)).toEqual([0, 0, 0]);
  });

  test("never admit more than the limit and the slices they held, however they are asked", async () => {
    const random = seededRandom(11);
    const limit = { qps: 200, burst: 40 };
    const all = limiters(limit);
    const admissions: { at: number; count: number }[] = [];
    for (let step = 0; step < 300; step += 1) {
      await clock.advance(Math.floor(random.next() ** 4 * 400));
      const limiter = all[Math.floor(random.next() * all.length)];
      if (limiter === undefined) continue;
      const count = await take(limiter, Math.floor(random.next() ** 3 * 60));
      admissions.push({ at: clock.monotonic(), count });
    }
    // At most two slices a node, each of 75 ms of the limit.
    const held = all.length * 2 * 15;
    let excess = Number.NEGATIVE_INFINITY;
    for (const [from, first] of admissions.entries()) {
      let sum = 0;
      for (const { at, count } of admissions.slice(from)) {
        sum += count;
        excess = Math.max(excess, sum - (limit.burst + held + (limit.qps * (at - first.at)) / 1_000));
      }
    }
    expect(excess).toBeLessThanOrEqual(1e-6);
    const total = admissions.reduce((sum, { count }) => sum + count, 0);
    expect(total).toBeGreaterThan(limit.burst);
  });
});

describe("a node", () => {
  test("answers at once while it is asked steadily, and asks Redis a slice at a time", async () => {
    const limiter = only(limiters({ qps: 10_000, burst: 10_000 }));
    let atOnce = 0;
    for (let step = 0; step < 2_000; step += 1) {
      await clock.advance(1);
      const taken = limiter.take();
      if (taken instanceof Promise) await taken;
      else atOnce += 1;
      // The reply to what was asked for ahead comes while nobody waits for it.
      if (step % 10 === 0) await Bun.sleep(1);
    }
    expect(atOnce).toBeGreaterThan(1_900);
    expect(limiter.counts.draws).toBeLessThan(150);
    expect(limiter.counts.denied).toBe(0);
  });

  test("asks once for all who wait", async () => {
    const limiter = only(limiters({ qps: 100, burst: 50 }));
    expect(await take(limiter, 80)).toBe(50);
    expect(limiter.counts).toMatchObject({ admitted: 50, denied: 30 });
    expect(limiter.counts.draws).toBeLessThanOrEqual(3);
  });

  test("that is refused tokens does not ask again before there can be one, and says when", async () => {
    const limiter = only(limiters({ qps: 4, burst: 1 }));
    expect(await take(limiter, 1)).toBe(1);
    expect(await take(limiter, 1)).toBe(0);
    const asked = limiter.counts.draws;
    await clock.advance(100);
    expect(limiter.take()).toEqual({
      ok: false,
      state: { name, limit: 1, remaining: 0, resetMs: 250 },
      retryAfterMs: 150,
    });
    expect(limiter.counts.draws).toBe(asked);
    await clock.advance(150);
    expect(await take(limiter, 1)).toBe(1);
  });

  test("of which little is asked takes nothing ahead", async () => {
    const [busy, idle] = limiters({ qps: 100, burst: 100 });
    if (busy === undefined || idle === undefined) throw new Error("there are three");
    await clock.advance(1_000);
    expect(await take(idle, 1)).toBe(1);
    expect(await take(busy, 200)).toBe(99);
  });

  test("uses what it took ahead for a second, not longer", async () => {
    const [busy, idle] = limiters({ qps: 100, burst: 100 });
    if (busy === undefined || idle === undefined) throw new Error("there are three");
    await clock.advance(10);
    expect(await take(idle, 5)).toBe(5);
    expect(await take(busy, 200)).toBe(88);
    await clock.advance(999);
    expect(await take(busy, 200)).toBeGreaterThan(90);
    expect(idle.take()).toMatchObject({ ok: true });
    await clock.advance(1);
    // Nothing is left in the bucket, and what the other one held is too old.
    await take(busy, 10);
    const answer = idle.take();
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toMatchObject({ ok: false });
  });

  test("has the token of a request that did not happen for another one", async () => {
    const limiter = only(limiters({ qps: 1, burst: 1 }));
    const taken = await limiter.take();
    if (!taken.ok) throw new Error("there is one token");
    taken.undo();
    expect(await take(limiter, 2)).toBe(1);
  });

  test("whose limit names no burst takes a second's worth at once", async () => {
    expect(await take(only(limiters({ qps: 30 })), 50)).toBe(30);
    names += 1;
    name = `limit-${names}`;
    expect(await take(only(limiters({ qps: 0.5 })), 50)).toBe(1);
  });

  test("takes a changed limit over at once", async () => {
    let limit = { qps: 10, burst: 10 };
    const limiter = only(limiters(() => limit));
    expect(await take(limiter, 20)).toBe(10);
    limit = { qps: 1_000, burst: 1_000 };
    await clock.advance(100);
    expect(await take(limiter, 200)).toBe(100);
  });
});

describe("while Redis is away", () => {
  test("nodes share the limit evenly, without waiting, say so once, and come back to the one bucket", async () => {
    const own = await testRedis();
    const redis = await connectRedis({ urls: [own.url], clock: systemClock, log: silentLog });
    const lines: string[] = [];
    const log = {
      ...silentLog,
      warn: (line: string) => lines.push(line),
      info: (line: string) => lines.push(line),
    };
    const [limiter, other] = limiters({ qps: 100, burst: 40 }, { redis, log, nodes: () => 4 });
    if (limiter === undefined || other === undefined) throw new Error("there are three");
    expect(await take(limiter, 60)).toBe(40);
    await own.kill();
    while (redis.isUp()) await Bun.sleep(5);
    await clock.advance(1_000);
    // A quarter of the burst, then a quarter of the rate.
    expect(await take(limiter, 60)).toBe(10);
    expect(limiter.take()).toMatchObject({ ok: false, retryAfterMs: 40, state: { remaining: 0 } });
    for (let second = 0; second < 4; second += 1) {
      let admitted = 0;
      for (let step = 0; step < 10; step += 1) {
        await clock.advance(100);
        for (let ask = 0; ask < 5; ask += 1) admitted += limiter.take() instanceof Promise ? 100 : 0;
        admitted += await take(limiter, 5);
      }
      expect(admitted).toBeLessThanOrEqual(25);
    }
    expect(limiter.counts.isAlone).toBe(true);
    expect(lines).toEqual(["a limit of all nodes is split between them until Redis answers"]);

    await own.restart();
    while (!redis.isUp()) await Bun.sleep(5);
    await clock.advance(1_000);
    void limiter.take();
    while (limiter.counts.isAlone) await Bun.sleep(5);
    expect(lines.at(-1)).toBe("a limit of all nodes is counted in Redis again");
    expect((await take(limiter, 60)) + (await take(other, 60))).toBeWithin(33, 41);
    await redis.close();
    await own.dispose();
  });

  test("a Redis that takes what is asked and does not answer holds up only those who asked first", async () => {
    const own = await testRedis();
    const redis = await connectRedis({ urls: [own.url], clock: systemClock, log: silentLog });
    const limiter = only(limiters({ qps: 100, burst: 40 }, { redis }));
    own.pause();
    const first = limiter.take();
    expect(first).toBeInstanceOf(Promise);
    // Nobody to share with is known: the whole limit.
    expect(await first).toMatchObject({ ok: true, state: { limit: 40 } });
    expect(limiter.take()).toMatchObject({ ok: true });
    expect(limiter.counts).toMatchObject({ isAlone: true, admittedAlone: 2 });
    own.resume();
    await redis.close();
    await own.dispose();
  });
});
