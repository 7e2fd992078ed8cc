import { type PriceId, priceId, type VendorId } from "../core/ids.ts";
import { formatPoints } from "../core/points.ts";
import type { MeteredPrice, Price } from "../core/price.ts";
import type { Sql } from "./database.ts";

/** A price as it is kept and shown: amounts as decimal strings of points. */
export type PriceDocument = Readonly<Record<string, string>>;

export interface KnownPrice {
  readonly id: PriceId;
  readonly vendor: VendorId;
  readonly model: string;
  readonly price: Price;
}

export interface Prices {
  /** Writes prices down before they are applied, so that every receipt can show what it applied. */
  register(prices: readonly KnownPrice[]): Promise<void>;
}

/** The name of a price: the hash of everything that makes it. The same price always has the same id. */
export function priceIdOf(vendor: VendorId, model: string, price: Price): PriceId {
  const content = JSON.stringify([vendor, model, Object.entries(priceDocument(price)).sort()]);
  return priceId(`price_${new Bun.CryptoHasher("sha256").update(content).digest("hex").slice(0, 24)}`);
}

/** A price as receipts and the admin API show it. */
export function priceDocument(price: Price): PriceDocument {
  if (price.kind === "free") return { kind: "free" };
  const document: Record<string, string> = { kind: "metered" };
  for (const name of RATES) {
    const rate = price[name];
    if (rate !== undefined) document[name] = formatPoints(rate);
  }
  return document;
}

const RATES = [
  "input",
  "cachedInput",
  "cacheWrite",
  "output",
  "reasoning",
  "call",
  "image",
  "second",
] as const satisfies readonly (keyof MeteredPrice)[];

export function createPrices(sql: Sql): Prices {
  return {
    async register(prices) {
      if (prices.length === 0) return;
      const rows = prices.map(({ id, vendor, model, price }) => ({
        id,
        vendor,
        model,
        spec: sql.json(priceDocument(price)),
      }));
      await sql`insert into price ${sql(rows, "id", "vendor", "model", "spec")} on conflict do nothing`;
    },
  };
}
