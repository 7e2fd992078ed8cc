import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type TestRedis, testRedis } from "../../tests/redis.ts";
import { systemClock } from "../core/clock.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { systemRandom as random } from "../core/random.ts";
import { createSeal } from "../ledger/sealed.ts";
import { ticketStoreSuite } from "../ws/tickets.suite.ts";
import { issueTicket } from "../ws/tickets.ts";
import { connectRedis } from "./connection.ts";
import type { Redis } from "./redis.ts";
import { createRedisTickets } from "./tickets.ts";

/** Servers are started and killed here, also on a busy machine. */
setDefaultTimeout(60_000);

const seal = createSeal(new Uint8Array(32).fill(7), random);
let server: TestRedis;
let redis: Redis;
let otherRedis: Redis;

beforeAll(async () => {
  server = await testRedis();
  const options = { urls: [server.url], clock: systemClock, log: silentLog };
  redis = await connectRedis(options);
  otherRedis = await connectRedis(options);
}, 60_000);
afterAll(async () => {
  await redis.close();
  await otherRedis.close();
  await server.dispose();
});

ticketStoreSuite("tickets in Redis", async (capacity) => {
  await redis.send("FLUSHALL", "SYNC");
  const clock = new ManualClock();
  const store = createRedisTickets({ redis, seal, clock }, capacity);
  return {
    store,
    other: createRedisTickets({ redis: otherRedis, seal, clock }, capacity),
    // Redis counts its own time: what is left of each ticket is made shorter by as much as shall pass.
    async pass(ms) {
      await clock.advance(ms);
      const keys = (await server.command("KEYS", "*")) as string[];
      for (const key of keys) {
        const left = Number(await server.command("PTTL", key)) - ms;
        await server.command("PEXPIRE", key, String(left));
      }
    },
    close: async () => {},
  };
});

test("whoever reads Redis finds neither the ticket nor the key that it stands for", async () => {
  await redis.send("FLUSHALL", "SYNC");
  const store = createRedisTickets({ redis, seal, clock: systemClock });
  const { ticket } = await issueTicket(store, random, "sk-very-secret");
  const [key = ""] = (await server.command("KEYS", "*")) as string[];
  expect(key).toMatch(/^sluice:ticket:[0-9a-f]{64}$/);
  const value = (await redis.send("GET", key)) as Buffer;
  expect(value.includes("sk-very-secret")).toBe(false);
  expect(key + value.toString("latin1")).not.toContain(ticket.slice(4));
});

test("a value that was put under another ticket's name, or sealed elsewhere, opens nothing", async () => {
  await redis.send("FLUSHALL", "SYNC");
  const store = createRedisTickets({ redis, seal, clock: systemClock });
  const first = await issueTicket(store, random, "sk-a");
  const [firstKey = ""] = (await server.command("KEYS", "*")) as string[];
  const second = await issueTicket(store, random, "sk-b");
  const keys = (await server.command("KEYS", "*")) as string[];
  const secondKey = keys.find((key) => key !== firstKey) ?? "";
  await server.command("RENAME", firstKey, secondKey);
  expect(await store.take(second.ticket)).toBeUndefined();
  expect(await store.take(first.ticket)).toBeUndefined();

  const elsewhere = createSeal(new Uint8Array(32).fill(8), random);
  const { ticket } = await issueTicket(store, random, "sk-c");
  const stranger = createRedisTickets({ redis, seal: elsewhere, clock: systemClock });
  expect(await stranger.take(ticket)).toBeUndefined();
});

test("while Redis is away tickets are refused with a word about when to try again", async () => {
  const own = await testRedis();
  const connection = await connectRedis({ urls: [own.url], clock: systemClock, log: silentLog });
  const store = createRedisTickets({ redis: connection, seal, clock: systemClock });
  const { ticket } = await issueTicket(store, random, "sk-a");
  await own.kill();
  const refusal = { code: "overloaded", status: 503, detail: { retryAfterMs: 1_000 } };
  await expect(store.take(ticket)).rejects.toMatchObject(refusal);
  await expect(issueTicket(store, random, "sk-b")).rejects.toMatchObject(refusal);
  await connection.close();
  await own.dispose();
});

test("tickets that Redis did not take do not count against those that it can", async () => {
  const own = await testRedis();
  const connection = await connectRedis({ urls: [own.url], clock: systemClock, log: silentLog });
  const store = createRedisTickets({ redis: connection, seal, clock: systemClock }, 1);
  await own.kill();
  for (let again = 0; again < 3; again += 1) {
    await expect(issueTicket(store, random, "sk-a")).rejects.toMatchObject({ code: "overloaded" });
  }
  await own.restart();
  while (!connection.isUp()) await Bun.sleep(5);
  const { ticket } = await issueTicket(store, random, "sk-a");
  expect(await store.take(ticket)).toBe("sk-a");
  await connection.close();
  await own.dispose();
});
