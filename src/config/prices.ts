import { z } from "zod";
import type { Operation } from "../core/catalog.ts";
import { isMediaOperation } from "../core/media.ts";
import { type Micropoints, micropointsOf, parsePoints } from "../core/points.ts";
import {
  type MeteredPrice,
  type Price,
  type PriceBand,
  TOKEN_RATES,
  type TokenRates,
  UNIT_RATES,
} from "../core/price.ts";
import type { PriceWindow } from "../core/price-hours.ts";
import { PRICE_HOURS_FORM, parsePriceHours } from "../core/price-hours-text.ts";
import type { Writable } from "../core/writable.ts";
import { count, points } from "./fields.ts";

/** More than any vendor has: each is looked at whenever a request is charged. */
const MOST_BANDS = 16;
const MOST_WINDOWS = 16;
/** Priority costs twice to four times at the vendors that have it. */
const DEAREST_TIER = 1_000;

/** Points per million tokens. */
const tokenRates = {
  input: points.optional().describe("Points per million prompt tokens."),
  cachedInput: points.optional().describe("Prompt tokens read from the vendor's cache; absent: as input."),
  cacheWrite: points.optional().describe("Prompt tokens written to the vendor's cache; absent: as input."),
  cacheWriteLong: points
    .optional()
    .describe("Written to the longer-lived cache of two (Anthropic: an hour); absent: as cacheWrite."),
  audioInput: points.optional().describe("Prompt tokens of sound; absent: as input."),
  imageInput: points.optional().describe("Prompt tokens of pictures; absent: as input."),
  output: points.optional().describe("Points per million answer tokens."),
  reasoning: points.optional().describe("Reasoning tokens; absent: as output."),
  thinkingOutput: points
    .optional()
    .describe("All tokens of an answer that reasoned, the visible ones too; instead of reasoning."),
  audioOutput: points.optional().describe("Answer tokens of sound; absent: as output."),
  imageOutput: points.optional().describe("Answer tokens of pictures; absent: as output."),
};

const variantName = z.string().regex(/^[^\p{C}]{1,64}$/u, "must be 1 to 64 characters");

const bands = z
  .array(z.strictObject({ above: count.describe("Prompt tokens."), ...tokenRates }))
  .min(1)
  .max(MOST_BANDS)
  .describe("Rates for prompts of more tokens than `above`: the whole request costs them. Shortest first.");

const unitRates = {
  call: points.optional().describe("Points for each call."),
  image: points.optional().describe("Points for each image produced."),
  imageVariants: z
    .record(variantName, points)
    .optional()
    .describe("Points for each image of a size or quality: { 1024x1024/high: 0.17 }; others cost `image`."),
  second: points.optional().describe("Points for each second of audio or video."),
  characters: points.optional().describe("Points per million characters read aloud."),
  serviceTiers: z
    .record(variantName, z.int().min(1).max(DEAREST_TIER))
    .optional()
    .describe("Per cent of the price that a vendor's service tier costs: { batch: 50 }."),
};

const metered = { ...tokenRates, bands: bands.optional(), ...unitRates };

const times = z
  .array(
    z.strictObject({
      at: z
        .string()
        .refine((text) => parsePriceHours(text) !== undefined, `must be hours ${PRICE_HOURS_FORM}`)
        .describe(
          "Hours of the week in UTC: `mon-fri 01:00-04:00,06:00-10:00`, or `since 2027-01-01`; the first that holds counts.",
        ),
      ...metered,
    }),
  )
  .min(1)
  .max(MOST_WINDOWS)
  .describe("What use costs at certain hours, by the time at which the request is admitted.");

/** Points per million tokens, or each where it says so. */
const rates = z.strictObject({ ...metered, times: times.optional() }).describe("What use costs.");

export const priceSchema = z.union([z.literal("free"), rates], {
  error: (issue) =>
    issue.input === undefined
      ? "is required: a model without a price cannot be served (`price: free` says that it costs nothing)"
      : "must be rates such as { input: 2, output: 8 }, or `free`",
});
export type PriceInput = z.input<typeof priceSchema>;
type RatesInput = z.input<typeof rates>;
type WindowInput = z.input<typeof times>[number];
type BandInput = z.input<typeof bands>[number];

export interface PriceProblem {
  /** Within the price. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Why a price that is made of amounts is still none, for what the model is used for. Undefined: it is one. */
export function priceProblem(price: PriceInput, operations?: readonly Operation[]): PriceProblem | undefined {
  if (price === "free") return undefined;
  const message = rateProblem(price, operations);
  if (message !== undefined) return { path: [], message };
  return partsProblem(price) ?? timesProblem(price);
}

function rateProblem(price: RatesInput, operations: readonly Operation[] = []): string | undefined {
  const variants = Object.values(price.imageVariants ?? {});
  const given = [...TOKEN_RATES, ...UNIT_RATES].map((name) => price[name]).concat(variants);
  const known = given.filter((rate) => rate !== undefined);
  if (known.length === 0) return "has no rate: give { input, output }, or say `price: free`";
  if (known.every(isNothing)) return "charges nothing: say `price: free` if that is meant";
  const draws = operations.some((name) => isMediaOperation(name));
  const byPicture = [price.image, price.call, price.output, price.imageOutput, price.second, ...variants];
  if (draws && byPicture.every(isNothing)) {
    return "has no rate that pictures are charged by: give `image`, `call` or `output`";
  }
  const unheard = operations.find((name) => byUnits(name, price).every(isNothing));
  if (unheard !== undefined) return `has no rate that ${unheard} is charged by: ${UNITS_OF[unheard]}`;
  const onlyReads = operations.length > 0 && operations.every((name) => WITHOUT_OUTPUT.has(name));
  if (TOKEN_RATES.every((name) => price[name] === undefined)) return undefined;
  if (price.input === undefined) return "has no rate for `input`";
  if (price.output === undefined && !onlyReads) {
    return "has no rate for `output` (only a model with `operations` such as [embedding] or [rerank] needs none)";
  }
  return undefined;
}

/** What answers with numbers alone. */
const WITHOUT_OUTPUT: ReadonlySet<Operation> = new Set(["embedding", "moderation", "rerank"]);

/** What sound can be charged by: its vendor counts in one of these, and where it does not say, this gateway can. */
const UNITS_OF: Partial<Record<Operation, string>> = {
  speech: "give `characters`, `call` or `output`",
  transcription: "give `second`, `call` or `input`",
  translation: "give `second`, `call` or `input`",
};

function byUnits(operation: Operation, price: RatesInput): readonly (string | number | undefined)[] {
  if (operation === "speech") return [price.characters, price.call, price.output, price.audioOutput];
  if (UNITS_OF[operation] === undefined) return [1];
  return [price.second, price.call, price.input, price.audioInput, price.output];
}

const isNothing = (rate: string | number | undefined): boolean => rate === undefined || Number(rate) === 0;

/** What is wrong with a price's bands and with rates that exclude each other. */
function partsProblem(price: RatesInput | WindowInput): PriceProblem | undefined {
  if (price.reasoning !== undefined && price.thinkingOutput !== undefined) {
    return { path: ["reasoning"], message: "is one of two ways: give `reasoning` or `thinkingOutput`" };
  }
  let before = 0;
  for (const [index, band] of (price.bands ?? []).entries()) {
    if (band.above <= before) {
      return { path: ["bands", index, "above"], message: "must be more than in the band before" };
    }
    before = band.above;
    const message = missingRate(price, band);
    if (message !== undefined) return { path: ["bands", index], message };
  }
  return undefined;
}

/** A band, or hours, are a whole set of rates: none is taken over from the price around it by mistake. */
function missingRate(price: RatesInput, part: WindowInput | BandInput): string | undefined {
  const missing = TOKEN_RATES.find((name) => price[name] !== undefined && part[name] === undefined);
  return missing === undefined ? undefined : `has no rate for \`${missing}\`, which the price has`;
}
function timesProblem(price: RatesInput): PriceProblem | undefined {
  for (const [index, window] of (price.times ?? []).entries()) {
    const path = ["times", index];
    const message = missingRate(price, window);
    if (message !== undefined) return { path, message };
    if (price.bands !== undefined && window.bands === undefined) {
      return { path, message: "has no `bands`, which the price has" };
    }
    const problem = partsProblem(window);
    if (problem !== undefined) return { path: [...path, ...problem.path], message: problem.message };
  }
  return undefined;
}

/** A price as the file or the admin API gives it, as the core applies it. The input must have passed `priceSchema`. */
export function priceOf(price: PriceInput): Price {
  if (price === "free") return { kind: "free" };
  const otherwise = meteredOf(price);
  if (price.times === undefined) return otherwise;
  return { kind: "timed", otherwise, windows: price.times.map((window) => windowOf(price, window)) };
}

/** What is paid otherwise than by tokens costs the same at all hours, unless they say otherwise. */
function windowOf({ times: _, ...price }: RatesInput, { at, ...window }: WindowInput): PriceWindow {
  const hours = parsePriceHours(at);
  if (hours === undefined) throw new Error("hours were converted before they were checked");
  return { ...hours, price: meteredOf({ ...price, ...window }) };
}

function meteredOf(price: RatesInput): MeteredPrice {
  const metered: Writable<MeteredPrice> = {
    kind: "metered",
    ...ratesOf(price),
  };
  for (const name of UNIT_RATES) {
    const rate = price[name];
    if (rate !== undefined) metered[name] = amountOf(rate);
  }
  if (price.bands !== undefined) metered.bands = price.bands.map(bandOf);
  if (price.imageVariants !== undefined) {
    const named = Object.entries(price.imageVariants).map(([name, rate]) => [name, amountOf(rate)] as const);
    metered.imageVariants = Object.fromEntries(named);
  }
  if (price.serviceTiers !== undefined) metered.serviceTiers = price.serviceTiers;
  return metered;
}

const bandOf = ({ above, ...band }: BandInput): PriceBand => ({ above, rates: ratesOf(band) });

function ratesOf(price: RatesInput): TokenRates {
  const rates: Writable<TokenRates> = {
    input: amountOf(price.input ?? 0),
    output: amountOf(price.output ?? 0),
  };
  for (const name of TOKEN_RATES) {
    const rate = price[name];
    if (rate !== undefined) rates[name] = amountOf(rate);
  }
  return rates;
}

function amountOf(value: string | number): Micropoints {
  const amount = parsePoints(value);
  if (amount === undefined || amount < 0n) throw new Error("a price was converted before it was checked");
  return micropointsOf(amount);
}
