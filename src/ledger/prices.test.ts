import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { type PriceId, vendorId } from "../core/ids.ts";
import { micropointsOf } from "../core/points.ts";
import type { Price } from "../core/price.ts";
import { type PriceDocument, priceDocument } from "./price-document.ts";
import { createPrices, type KnownPrice, type Prices, priceIdOf } from "./prices.ts";

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

async function kept(id: PriceId): Promise<PriceDocument | undefined> {
  const [row] = await database.sql<{ spec: PriceDocument }[]>`select spec from price where id = ${id}`;
  return row?.spec;
}

describe("a price", () => {
  test.each<[string, Price, PriceDocument]>([
    ["free", { kind: "free" }, { kind: "free" }],
    ["two rates", cheap, { kind: "metered", input: "0.8", output: "2" }],
    [
      "every rate",
      dear,
      {
        kind: "metered",
        input: "2.000001",
        cachedInput: "0.2",
        cacheWrite: "0",
        output: "8",
        reasoning: "9",
        call: "0.000001",
        image: "40",
        second: "0.000003",
      },
    ],
  ])("is kept exactly as it is applied: %s", async (_, price, document) => {
    const registered = known(price);
    await prices.register([registered]);
    expect(await kept(registered.id)).toEqual(document);
  });

  test("may be registered by many at the same time, and again", async () => {
    await Promise.all(Array.from({ length: 20 }, () => prices.register([known(cheap), known(dear)])));
    await prices.register([]);
    expect(await kept(known(cheap).id)).toEqual(priceDocument(cheap));
  });

  test("keeps the name that a price of few rates always had", () => {
    const written = [
      "v",
      "m",
      [
        ["input", "0.8"],
        ["kind", "metered"],
        ["output", "2"],
      ],
    ];
    const hash = new Bun.CryptoHasher("sha256").update(JSON.stringify(written)).digest("hex");
    expect(String(priceIdOf(vendor, "m", cheap))).toBe(`price_${hash.slice(0, 24)}`);
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
      priceIdOf(vendor, "m", { ...cheap, bands: [{ above: 5, rates: cheap }] }),
      priceIdOf(vendor, "m", { ...cheap, bands: [{ above: 6, rates: cheap }] }),
      priceIdOf(vendor, "m", { ...cheap, serviceTiers: { batch: 50 } }),
      priceIdOf(vendor, "m", { kind: "timed", otherwise: cheap, windows: [] }),
    ];
    expect(new Set(names).size).toBe(names.length);
  });
});
