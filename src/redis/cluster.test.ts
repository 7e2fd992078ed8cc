import { afterAll, beforeAll, expect, test } from "bun:test";
import { testRedisCluster } from "../../tests/redis.ts";
import { systemClock as clock } from "../core/clock.ts";
import { createLog, silentLog } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import { createSeal } from "../ledger/sealed.ts";
import { connectRedis } from "./connection.ts";
import type { Redis } from "./redis.ts";
import { createRedisTickets } from "./tickets.ts";
import { drawTokens } from "./token-bucket.ts";

/** Names of keys that live on all three of its servers. */
const KEYS = ["a", "b", "c", "d", "e", "f"];

let cluster: Awaited<ReturnType<typeof testRedisCluster>>;
let redis: Redis;
beforeAll(async () => {
  cluster = await testRedisCluster();
  redis = await connectRedis({ urls: cluster.urls.slice(0, 2), clock, log: silentLog });
}, 60_000);
afterAll(async () => {
  await redis.close();
  await cluster.dispose();
});

test("a Redis Cluster is found from some of its nodes, and serves keys wherever they live", async () => {
  expect(redis.isUp()).toBe(true);
  for (const key of KEYS) {
    await redis.send("SET", key, `value of ${key}`);
    expect(String(await redis.send("GET", key))).toBe(`value of ${key}`);
  }
});

test("a limit of all nodes works there", async () => {
  for (const key of KEYS.map((name) => `limit of ${name}`)) {
    const size = { qps: 0.001, burst: 3 };
    expect((await drawTokens(redis, key, size, 2)).granted).toBe(2);
    expect((await drawTokens(redis, key, size, 2)).granted).toBe(1);
  }
});

test("tickets work there", async () => {
  const tickets = createRedisTickets({ redis, seal: createSeal(new Uint8Array(32), random), clock });
  for (const key of KEYS) {
    await tickets.put(`wst_${key}`, `sk-${key}`, 60_000);
    expect(await tickets.take(`wst_${key}`)).toBe(`sk-${key}`);
    expect(await tickets.take(`wst_${key}`)).toBeUndefined();
  }
});

test("who names one of its nodes alone is told to name two", async () => {
  const lines: string[] = [];
  const log = createLog({ terminal: false, destination: { write: (line) => void lines.push(line) } });
  const single = await connectRedis({ urls: cluster.urls.slice(0, 1), clock, log });
  const all = await Promise.allSettled(KEYS.map((key) => single.send("GET", key)));
  expect(all.some(({ status }) => status === "rejected")).toBe(true);
  expect(lines.join()).toContain("give at least two of its nodes");
  await single.close();
});
