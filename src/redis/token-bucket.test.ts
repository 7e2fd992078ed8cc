import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestRedis, testRedis } from "../../tests/redis.ts";
import { systemClock as clock } from "../core/clock.ts";
import { silentLog as log } from "../core/log.ts";
import { seededRandom } from "../core/random.ts";
import { connectRedis } from "./connection.ts";
import type { Redis } from "./redis.ts";
import { drawTokens } from "./token-bucket.ts";

/** Some day, in microseconds. */
const START = 1_780_000_000_000_000;
const SECOND = 1_000_000;

let server: TestRedis;
const nodes: Redis[] = [];
beforeAll(async () => {
  server = await testRedis();
  for (let node = 0; node < 3; node += 1) nodes.push(await connectRedis({ urls: [server.url], clock, log }));
}, 60_000);
afterAll(async () => {
  for (const node of nodes) await node.close();
  await server.dispose();
});

let buckets = 0;
function newKey(): string {
  buckets += 1;
  return `bucket-${buckets}`;
}
const nodeOf = (index: number): Redis => {
  const node = nodes[index % nodes.length];
  if (node === undefined) throw new Error("there are nodes");
  return node;
};

test("three nodes that ask all the time get a hundred a second together, after the burst, to the token", async () => {
  const key = newKey();
  const size = { qps: 100, burst: 100 };
  const perSecond: number[] = [];
  for (let second = 0; second < 10; second += 1) {
    let granted = 0;
    // Three nodes, every five milliseconds: six times as often as there is a token.
    for (let step = 0; step < 200; step += 1) {
      const at = START + second * SECOND + step * 5_000;
      const draws = await Promise.all([0, 1, 2].map((node) => drawTokens(nodeOf(node), key, size, 1, at)));
      granted += draws.reduce((sum, draw) => sum + draw.granted, 0);
    }
    perSecond.push(granted);
  }
  expect(perSecond[0]).toBeWithin(199, 201);
  for (const granted of perSecond.slice(1)) expect(granted).toBe(100);
});

test("in any window no more is granted than the burst and the rate allow, whatever is asked for and when", async () => {
  const random = seededRandom(4);
  for (const size of [
    { qps: 100, burst: 20 },
    { qps: 10 / 3, burst: 1 },
    { qps: 0.7, burst: 3 },
  ]) {
    const key = newKey();
    const grants: { at: number; granted: number }[] = [];
    let at = START;
    for (let step = 0; step < 400; step += 1) {
      at += Math.floor((random.next() ** 3 * 4 * SECOND) / size.qps);
      const { granted } = await drawTokens(
        nodeOf(step),
        key,
        size,
        1 + Math.floor(random.next() * size.burst * 2),
        at,
      );
      grants.push({ at, granted });
    }
    let excess = Number.NEGATIVE_INFINITY;
    for (const [from, first] of grants.entries()) {
      let sum = 0;
      for (const grant of grants.slice(from)) {
        sum += grant.granted;
        const allowed = size.burst + (size.qps * (grant.at - first.at)) / SECOND;
        excess = Math.max(excess, sum - allowed);
      }
    }
    expect(excess).toBeLessThanOrEqual(1e-6);
  }
});

test("rates that are no whole numbers lose nothing over time", async () => {
  const key = newKey();
  const size = { qps: 10 / 3, burst: 5 };
  let granted = 0;
  for (let step = 0; step <= 1_000; step += 1) {
    granted += (await drawTokens(nodeOf(step), key, size, 5, START + step * 300_000)).granted;
  }
  // A token each 0.3 s, and the burst.
  expect(granted).toBe(1_005);
});

test("a denial says when the next token comes", async () => {
  const key = newKey();
  const size = { qps: 4, burst: 2 };
  const redis = nodeOf(0);
  expect(await drawTokens(redis, key, size, 9, START)).toEqual({ granted: 2, left: 0, waitMs: 250 });
  expect(await drawTokens(redis, key, size, 1, START + 150_000)).toEqual({
    granted: 0,
    left: 0,
    waitMs: 100,
  });
  expect(await drawTokens(redis, key, size, 1, START + 250_000)).toEqual({
    granted: 1,
    left: 0,
    waitMs: 250,
  });
});

test("a clock that goes back neither gives tokens nor stops them", async () => {
  const key = newKey();
  const size = { qps: 10, burst: 10 };
  const draw = (at: number) => drawTokens(nodeOf(0), key, size, 100, at);
  expect((await draw(START)).granted).toBe(10);
  expect((await draw(START - 3_600 * SECOND)).granted).toBe(0);
  expect((await draw(START - 3_600 * SECOND + SECOND / 2)).granted).toBe(5);
});

test("Redis' own time is taken when none is given, and a full bucket is forgotten", async () => {
  const key = newKey();
  expect(await drawTokens(nodeOf(0), key, { qps: 50, burst: 200 }, 150)).toMatchObject({ granted: 150 });
  expect(Number(await server.command("PTTL", key))).toBeWithin(3_000, 4_001);
  expect((await drawTokens(nodeOf(1), key, { qps: 50, burst: 200 }, 100)).granted).toBeGreaterThanOrEqual(50);
});
