import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { priceOf } from "../config/prices.ts";
import { requestId, tenantId, vendorId } from "../core/ids.ts";
import { micropointsOf } from "../core/points.ts";
import { costOf } from "../core/price.ts";
import { tariffAt } from "../core/price-hours.ts";
import { NO_USAGE, type Usage } from "../core/usage.ts";
import { createPrices, priceIdOf } from "./prices.ts";
import { createReceipts, verifyReceipt } from "./receipts.ts";
import type { UsageRecord } from "./records.ts";
import { createReports } from "./reports.ts";
import { node, usageOf } from "./testing/records.ts";
import { entryOf } from "./usage-entry.ts";

const secret = new Uint8Array(32).fill(9);
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** Records as the ledger is given them. */
const batchOf = (...records: readonly UsageRecord[]) =>
  database.sql.json(records.map((record) => JSON.parse(entryOf(record).text)));

test("a receipt shows what was charged and by which price, and its signature holds it", async () => {
  const { sql } = database;
  const [vendor, model] = [vendorId("v"), "vm"];
  const price = {
    kind: "metered",
    input: micropointsOf(2_000_000n),
    output: micropointsOf(500_000n),
  } as const;
  const id = priceIdOf(vendor, model, price);
  await createPrices(sql).register([{ id, vendor, model, price }]);
  const record = usageOf("r1", {
    price: id,
    charged: micropointsOf(0n),
    loss: micropointsOf(7n),
    flags: ["platform_loss"],
  });
  const batch = sql.json([
    JSON.parse(JSON.stringify(record, (_, value) => (typeof value === "bigint" ? String(value) : value))),
  ]);
  await sql`insert into node (id) values (${node})`;
  await sql`select apply_usage(${node}, 0, 'b1', ${batch}, '[]', null, null, null, null)`;

  const receipts = createReceipts(sql, secret);
  const receipt = await receipts.get(requestId("r1"), tenantId("t"));
  if (receipt === undefined) throw new Error("there is no receipt");
  expect(receipt).toMatchObject({
    charged: "0",
    loss: "0.000007",
    price: { kind: "metered", input: "2", output: "0.5" },
    flags: ["platform_loss"],
  });
  expect(verifyReceipt(receipt, secret)).toBe(true);
  expect(verifyReceipt({ ...receipt, charged: "1" }, secret)).toBe(false);
  expect(verifyReceipt(receipt, new Uint8Array(32))).toBe(false);
  expect(verifyReceipt({ ...receipt, signature: "00" }, secret)).toBe(false);
  expect(await receipts.get(requestId("r1"), tenantId("other"))).toBeUndefined();
});

test("a receipt of an answer that two vendors gave shows what each consumed and cost", async () => {
  const { sql } = database;
  const attempt = {
    vendorModel: "vm",
    keyId: "k",
    startedMs: 1,
    durationMs: 2,
    result: "served",
    status: 200,
    errorCode: null,
    vendorCode: null,
  } as const;
  const usage = { ...NO_USAGE, input: 3, output: 4 };
  const record = usageOf("r2", {
    charged: micropointsOf(0n),
    attempts: [
      {
        ...attempt,
        vendor: vendorId("a"),
        result: "failed",
        usage,
        cost: micropointsOf(9_007_199_254_740_993n),
      },
      { ...attempt, vendor: vendorId("b"), usage, cost: micropointsOf(0n) },
    ],
  });
  await sql`insert into node (id) values (${node}) on conflict do nothing`;
  await sql`select apply_usage(${node}, 0, 'b2', ${batchOf(record)}, '[]', null, null, null, null)`;
  const receipt = await createReceipts(sql, secret).get(requestId("r2"));
  expect(receipt?.attempts.map(({ vendor, cost }) => [vendor, cost])).toEqual([
    ["a", "9007199254.740993"],
    ["b", "0"],
  ]);
  expect(receipt?.attempts[0]?.usage).toMatchObject({ input: 3, cached_input: 0, output: 4 });
});

/** Peak on weekdays from one to four, another price above 100 prompt tokens, half of it for batches. */
const BY_HOURS = priceOf({
  ...{ input: 1, output: 2, bands: [{ above: 100, input: 3, output: 4 }], serviceTiers: { batch: 50 } },
  times: [
    { at: "mon-fri 01:00-04:00", input: 10, output: 20, bands: [{ above: 100, input: 30, output: 40 }] },
  ],
});
const MONDAY_AT_TWO = Date.parse("2026-11-02T02:00:00Z");

test.each<[string, number, Usage, object]>([
  [
    "the usual rates",
    MONDAY_AT_TWO + 3 * 3_600_000,
    { ...NO_USAGE, input: 100, output: 10 },
    { hours: null, above: null, rates: { input: "1", output: "2" }, percent: 100 },
  ],
  [
    "hours and a longer prompt",
    MONDAY_AT_TWO,
    { ...NO_USAGE, input: 60, audioInput: 41, output: 10 },
    {
      hours: "mon,tue,wed,thu,fri 01:00-04:00",
      above: 100,
      rates: { input: "30", output: "40" },
      percent: 100,
    },
  ],
  [
    "a tier",
    MONDAY_AT_TWO - 86_400_000,
    { ...NO_USAGE, input: 1, serviceTier: "batch" },
    { hours: null, above: null, rates: { input: "1", output: "2" }, percent: 50 },
  ],
])("a receipt says by which part of its price it was charged: %s", async (name, at, usage, applied) => {
  const { sql } = database;
  const [vendor, model] = [vendorId("v"), "by-hours"];
  const id = priceIdOf(vendor, model, BY_HOURS);
  await createPrices(sql).register([{ id, vendor, model, price: BY_HOURS }]);
  const cost = costOf(tariffAt(BY_HOURS, at), usage);
  const record = usageOf(name, { at, usage, price: id, loss: cost });
  await sql`insert into node (id) values (${node}) on conflict do nothing`;
  const batch = batchOf(record);
  await sql`select apply_usage(${node}, 0, ${name}, ${batch}, '[]', null, null, null, null)`;
  const receipt = await createReceipts(sql, secret).get(requestId(name));
  if (receipt === undefined) throw new Error("there is no receipt");
  expect(receipt.applied).toEqual(applied as typeof receipt.applied);
  expect(verifyReceipt(receipt, secret)).toBe(true);
  // With what the receipt shows, anybody comes to the same sum.
  const { input, output } = receipt.applied?.rates ?? {};
  const read = receipt.usage.input + (receipt.usage.audio_input ?? 0);
  const sum = (read * Number(input) + receipt.usage.output * Number(output)) / 1e6;
  const exact = (sum * (receipt.applied?.percent ?? 0)) / 100;
  expect(receipt.loss).toBe(String(Math.ceil(exact * 1e6 - 1e-6) / 1e6).replace(/^(\d)e-6$/, "0.00000$1"));
});

test("attempts at several prices show each its own", async () => {
  const { sql } = database;
  const [vendor, model] = [vendorId("v"), "by-hours"];
  const id = priceIdOf(vendor, model, BY_HOURS);
  const usage = { ...NO_USAGE, input: 101, output: 4 };
  const called = { vendor, vendorModel: model, keyId: "k", startedMs: 1, durationMs: 2, status: 200 };
  const told = { errorCode: null, vendorCode: null, usage, cost: micropointsOf(1n) };
  const attempt = { ...called, ...told, result: "served" } as const;
  const attempts = [{ ...attempt, price: id }, attempt];
  const record = usageOf("shared", { at: MONDAY_AT_TWO, price: id, attempts });
  const batch = batchOf(record);
  await sql`select apply_usage(${node}, 0, 'shared', ${batch}, '[]', null, null, null, null)`;
  const receipt = await createReceipts(sql, secret).get(requestId("shared"));
  expect(receipt?.applied).toBeNull();
  expect(receipt?.attempts[0]).toMatchObject({ price: { kind: "timed" }, applied: { above: 100 } });
  expect(receipt?.attempts[1]?.applied).toBeUndefined();
});

test("usage is shown class by class, and what was booked before a class existed as it was", async () => {
  const { sql } = database;
  const usage: Usage = {
    ...NO_USAGE,
    ...{ input: 1, cacheWriteLong: 2, audioInput: 3, imageInput: 4, audioOutput: 5, imageOutput: 6 },
    ...{ images: 3, imageVariants: { hd: 2 }, characters: 7 },
  };
  const at = Date.parse("2026-03-01T00:00:00Z");
  const batch = batchOf(usageOf("new", { at, usage }), usageOf("old", { at }));
  await sql`select apply_usage(${node}, 0, 'classes', ${batch}, '[]', null, null, null, null)`;
  const receipts = createReceipts(sql, secret);
  expect((await receipts.get(requestId("new")))?.usage).toEqual({
    ...{ input: 1, cached_input: 0, cache_write: 0, output: 0, reasoning: 0, images: 3, seconds: 0 },
    ...{ cache_write_long: 2, audio_input: 3, image_input: 4, audio_output: 5, image_output: 6 },
    ...{ image_variants: { hd: 2 }, characters: 7 },
  });
  expect((await receipts.get(requestId("old")))?.usage).toEqual({
    ...{ input: 3, cached_input: 0, cache_write: 0, output: 4, reasoning: 0, images: 0, seconds: 0 },
  });
  const span = { from: at, to: at + 1, groupBy: [] };
  expect(await createReports(sql).usage(span)).toMatchObject([
    { input: 4n, output: 4n, audioInput: 3n, imageInput: 4n, cacheWriteLong: 2n, characters: 7n, images: 3n },
  ]);
});
