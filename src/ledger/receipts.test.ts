import { afterAll, beforeAll, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { requestId, tenantId, vendorId } from "../core/ids.ts";
import { micropointsOf } from "../core/points.ts";
import { NO_USAGE } from "../core/usage.ts";
import { documentOf } from "./book-usage.ts";
import { createPrices, priceIdOf } from "./prices.ts";
import { createReceipts, verifyReceipt } from "./receipts.ts";
import { node, usageOf } from "./testing/records.ts";

const secret = new Uint8Array(32).fill(9);
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

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
  await sql`select apply_usage(${node}, 0, 'b2', ${sql.json([documentOf(record)])}, '[]', null, null, null, null)`;
  const receipt = await createReceipts(sql, secret).get(requestId("r2"));
  expect(receipt?.attempts.map(({ vendor, cost }) => [vendor, cost])).toEqual([
    ["a", "9007199254.740993"],
    ["b", "0"],
  ]);
  expect(receipt?.attempts[0]?.usage).toMatchObject({ input: 3, cached_input: 0, output: 4 });
});
