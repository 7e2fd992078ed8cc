import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type TestRedis, testRedis } from "../../tests/redis.ts";
import { systemClock as clock } from "../core/clock.ts";
import { createLog } from "../core/log.ts";
import { connectRedis } from "./connection.ts";
import { type Redis, redisScript } from "./redis.ts";

/** Servers are started and killed here, also on a busy machine. */
setDefaultTimeout(60_000);

const opened: { close?(): Promise<void>; dispose?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await (one.close?.() ?? one.dispose?.());
});

async function started(): Promise<TestRedis> {
  const server = await testRedis();
  opened.push(server);
  return server;
}

async function connected(...urls: string[]): Promise<{ redis: Redis; lines: string[] }> {
  const lines: string[] = [];
  const log = createLog({ terminal: false, destination: { write: (line) => void lines.push(line) } });
  const redis = await connectRedis({ urls, clock, log });
  opened.push(redis);
  return { redis, lines };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(10);
}

const AWAY = { code: "overloaded", status: 503, detail: { retryAfterMs: 1_000 } };

test("bytes come back as they went", async () => {
  const { redis, lines } = await connected((await started()).url);
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  expect(await redis.send("SET", "k", bytes, "PX", 10_000)).toEqual(Buffer.from("OK"));
  expect(await redis.send("GETDEL", "k")).toEqual(bytes);
  expect(await redis.send("GETDEL", "k")).toBeNull();
  expect(lines).toEqual([]);
});

test("a script runs also where Redis has never seen it", async () => {
  const { redis } = await connected((await started()).url);
  const script = redisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  expect(await redis.run(script, "n", 2)).toBe(2);
  await redis.send("SCRIPT", "FLUSH");
  expect(await redis.run(script, "n", 3)).toBe(5);
});

describe("without Redis", () => {
  test("a start goes on, says so once, and finds it when it comes", async () => {
    const server = await started();
    await server.kill();
    const { redis, lines } = await connected(server.url);
    expect(redis.isUp()).toBe(false);
    await expect(redis.send("GET", "k")).rejects.toMatchObject(AWAY);
    await server.restart();
    await until(redis.isUp.bind(redis));
    expect(await redis.send("GET", "k")).toBeNull();
    expect(lines.map((line) => JSON.parse(line).message)).toEqual([
      "Redis cannot be reached; going on without it until it is there",
      "Redis is there again",
    ]);
  });

  test("commands are refused at once, its going and coming is told once each", async () => {
    const server = await started();
    const { redis, lines } = await connected(server.url);
    for (let round = 0; round < 2; round += 1) {
      await server.kill();
      await until(() => !redis.isUp());
      await expect(redis.send("GET", "k")).rejects.toMatchObject(AWAY);
      await server.restart();
      await until(redis.isUp.bind(redis));
    }
    const messages = lines.map((line) => JSON.parse(line).message);
    const round = ["Redis is gone; going on without it until it is back", "Redis is there again"];
    expect(messages).toEqual([...round, ...round]);
  });

  test("commands that it has taken and does not answer end in time, as many as there may be, and no more wait", async () => {
    const server = await started();
    const { redis } = await connected(server.url);
    server.pause();
    const all = await Promise.allSettled(Array.from({ length: 1_500 }, () => redis.send("GET", "k")));
    server.resume();
    const reasons = all.map((one) =>
      one.status === "rejected" ? String((one.reason as Error).cause) : "answered",
    );
    expect(reasons.filter((reason) => reason.includes("no answer in 500 ms"))).toHaveLength(1_000);
    expect(reasons.filter((reason) => reason.includes("too many commands"))).toHaveLength(500);
    await until(redis.isUp.bind(redis));
    expect(await redis.send("GET", "k")).toBeNull();
  });
});

test("a refused command is an error that holds none of its arguments, told once a minute", async () => {
  const { redis, lines } = await connected((await started()).url);
  await redis.send("SET", "k", "text");
  for (let again = 0; again < 2; again += 1) {
    await expect(redis.send("LPUSH", "k", "secret-argument")).rejects.toMatchObject(AWAY);
  }
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("WRONGTYPE");
  expect(lines[0]).not.toContain("secret-argument");
});

test("a wrong password is told in the log, and the start goes on", async () => {
  const server = await started();
  await server.command("CONFIG", "SET", "requirepass", "right");
  const { redis, lines } = await connected(server.url.replace("redis://", "redis://:wrong-pass@"));
  expect(redis.isUp()).toBe(false);
  expect(lines.join()).toContain("WRONGPASS");
  expect(lines.join()).not.toContain("wrong-pass");
});
