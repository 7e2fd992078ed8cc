import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { priceId, vendorId } from "../core/ids.ts";
import { micropointsOf } from "../core/points.ts";
import type { Price } from "../core/price.ts";
import { createPrices, type KnownPrice, type Prices, priceDocument, priceIdOf, priceOf } from "./prices.ts";

let database: TestDatabase;
let prices: Prices;

beforeAll(async () => {
  database = await testDatabase();
  prices = createPrices(database.sql);
});
afterAll(() => database.drop());

const µ = (amount: number) => micropointsOf(BigInt(amount));
const vendor = vendorId("v");
const cheap: Price = { kind: "metered", input: µ(800_000), output: µ(2_000_000) };
const dear: Price = {
  kind: "metered",
  input: µ(2_000_001),
  cachedInput: µ(200_000),
  cacheWrite: µ(0),
  output: µ(8_000_000),
  reasoning: µ(9_000_000),
  call: µ(1),
  image: µ(40_000_000),
  second: µ(3),
};
const known = (price: Price): KnownPrice => ({
  id: priceIdOf(vendor, "m", price),
  vendor,
  model: "m",
  price,
});

describe("a price", () => {
  test.each<[string, Price]>([
    ["free", { kind: "free" }],
    ["two rates", cheap],
    ["every rate", dear],
  ])("is shown by a receipt exactly as it was applied: %s", async (_, price) => {
    const { id } = known(price);
    await prices.register([known(price)]);
    const document = await prices.get(id);
    if (document === undefined) throw new Error("the price was not kept");
    expect(priceOf(document)).toEqual(price);
  });

  test("may be registered by many at the same time, and again", async () => {
    await Promise.all(Array.from({ length: 20 }, () => prices.register([known(cheap), known(dear)])));
    await prices.register([]);
    expect(await prices.get(known(cheap).id)).toEqual(priceDocument(cheap));
  });

  test("has a name of its own for each content, vendor and model, whatever order it is written in", () => {
    const other: Price = { kind: "metered", output: µ(2_000_000), input: µ(800_000) };
    expect(priceIdOf(vendor, "m", other)).toBe(priceIdOf(vendor, "m", cheap));
    const names = [
      priceIdOf(vendor, "m", cheap),
      priceIdOf(vendor, "n", cheap),
      priceIdOf(vendorId("w"), "m", cheap),
      priceIdOf(vendor, "m", dear),
      priceIdOf(vendor, "m", { ...cheap, call: µ(0) }),
      priceIdOf(vendor, "m", { kind: "free" }),
    ];
    expect(new Set(names).size).toBe(names.length);
  });

  test("that is not known, or not whole, is never taken for free", async () => {
    expect(await prices.get(priceId("price_none"))).toBeUndefined();
    expect(() => priceOf({})).toThrow("lacks input or output");
    expect(() => priceOf({ kind: "metered", input: "cheap", output: "1" })).toThrow("no amount in 'input'");
  });
});
