import { formatPoints, type Micropoints, parsePoints } from "../core/points.ts";
import {
  type MeteredPrice,
  type Price,
  type PriceBand,
  TOKEN_RATES,
  type TokenRates,
  UNIT_RATES,
} from "../core/price.ts";
import type { PriceWindow } from "../core/price-hours.ts";
import { formatPriceHours, parsePriceHours } from "../core/price-hours-text.ts";
import type { Writable } from "../core/writable.ts";

/** A price as it is kept and shown: amounts as decimal strings of points, hours in their text form. */
export interface PriceDocument {
  readonly [field: string]: PriceField;
}
type PriceField = string | number | PriceDocument | readonly PriceDocument[];

/** A price as receipts and the admin API show it. */
export function priceDocument(price: Price): PriceDocument {
  switch (price.kind) {
    case "free":
      return { kind: "free" };
    case "metered":
      return { kind: "metered", ...meteredFields(price) };
    case "timed": {
      const windows = price.windows.map((window) => ({
        at: formatPriceHours(window),
        ...meteredFields(window.price),
      }));
      return { kind: "timed", ...meteredFields(price.otherwise), windows };
    }
  }
}

function meteredFields(price: MeteredPrice): PriceDocument {
  const { bands, serviceTiers } = price;
  const fields: Record<string, PriceField> = { ...ratesDocument(price), ...unitsDocument(price) };
  if (bands !== undefined) {
    fields.bands = bands.map(({ above, rates }) => ({ above, ...ratesDocument(rates) }));
  }
  if (serviceTiers !== undefined) {
    fields.serviceTiers = Object.fromEntries(Object.entries(serviceTiers).sort(byName));
  }
  return fields;
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** What is paid otherwise than by tokens. */
export function unitsDocument(price: MeteredPrice): PriceDocument {
  const fields: Record<string, PriceField> = {};
  for (const name of UNIT_RATES) {
    const rate = price[name];
    if (rate !== undefined) fields[name] = formatPoints(rate);
  }
  if (price.imageVariants !== undefined) {
    const rates = Object.entries(price.imageVariants);
    const named = rates.map(([name, rate]) => [name, formatPoints(rate)] as const);
    fields.imageVariants = Object.fromEntries(named.sort(byName));
  }
  return fields;
}

/** The rates of tokens alone. */
export function ratesDocument(rates: TokenRates): PriceDocument {
  const fields: Record<string, string> = {};
  for (const name of TOKEN_RATES) {
    const rate = rates[name];
    if (rate !== undefined) fields[name] = formatPoints(rate);
  }
  return fields;
}

/** The price that a document was made of; undefined when it is none that this version writes. */
export function priceOfDocument(document: PriceDocument): Price | undefined {
  if (document.kind === "free") return { kind: "free" };
  const otherwise = meteredOf(document);
  if (otherwise === undefined || document.kind === "metered") return otherwise;
  if (document.kind !== "timed") return undefined;
  const windows = listOf(document.windows).map(windowOf);
  const known = windows.filter((window) => window !== undefined);
  return known.length === windows.length ? { kind: "timed", windows: known, otherwise } : undefined;
}

function windowOf(document: PriceDocument): PriceWindow | undefined {
  const hours = typeof document.at === "string" ? parsePriceHours(document.at) : undefined;
  const price = meteredOf(document);
  return hours === undefined || price === undefined ? undefined : { ...hours, price };
}

function meteredOf(document: PriceDocument): MeteredPrice | undefined {
  const rates = ratesOf(document);
  if (rates === undefined) return undefined;
  const price: Writable<MeteredPrice> = { kind: "metered", ...rates };
  for (const name of UNIT_RATES) {
    const rate = parsePoints(document[name]);
    if (rate !== undefined) price[name] = rate;
  }
  if (document.bands !== undefined) {
    const bands = listOf(document.bands).map(bandOf);
    const known = bands.filter((band) => band !== undefined);
    if (known.length < bands.length) return undefined;
    price.bands = known;
  }
  const variants = recordOf(document.imageVariants, parsePoints);
  if (variants !== undefined) price.imageVariants = variants;
  const tiers = recordOf(document.serviceTiers, Number);
  if (tiers !== undefined) price.serviceTiers = tiers;
  return price;
}

function bandOf(document: PriceDocument): PriceBand | undefined {
  const rates = ratesOf(document);
  return rates === undefined ? undefined : { above: Number(document.above), rates };
}

function ratesOf(document: PriceDocument): TokenRates | undefined {
  const [input, output] = [parsePoints(document.input), parsePoints(document.output)];
  if (input === undefined || output === undefined) return undefined;
  const rates: Writable<TokenRates> = { input, output };
  for (const name of TOKEN_RATES) {
    const rate = parsePoints(document[name]);
    if (rate !== undefined) rates[name] = rate;
  }
  return rates;
}

const listOf = (field: PriceField | undefined): readonly PriceDocument[] => (isList(field) ? field : []);
const isList = (field: PriceField | undefined): field is readonly PriceDocument[] => Array.isArray(field);

function recordOf<T extends Micropoints | number>(
  field: PriceField | undefined,
  read: (value: unknown) => T | undefined,
): Readonly<Record<string, T>> | undefined {
  if (typeof field !== "object" || isList(field)) return undefined;
  const record: Record<string, T> = {};
  for (const [name, value] of Object.entries(field)) {
    const known = read(value);
    if (known !== undefined) record[name] = known;
  }
  return record;
}
