import { type PriceId, priceId, type VendorId } from "../core/ids.ts";
import type { Price } from "../core/price.ts";
import type { Sql } from "./database.ts";
import { priceDocument } from "./price-document.ts";

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
