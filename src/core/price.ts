import { dividedUp, isWhole } from "./exact-numbers.ts";
import { ownOf } from "./own-of.ts";
import { type Micropoints, micropointsOf, ZERO } from "./points.ts";
import type { PriceWindow } from "./price-hours.ts";
import { promptTokens, type Usage } from "./usage.ts";

/** Micropoints per million units: `2` points per million tokens is 2 000 000n, `0.2` is 200 000n. */
export type RatePerMillion = Micropoints;

/** A price is either said to be free or has a rate for everything it can be charged for, at every time of day. */
export type Price = Tariff | TimedPrice;

/** A price in force at one moment: what a usage can be charged by. */
export type Tariff = FreePrice | MeteredPrice;

export interface FreePrice {
  readonly kind: "free";
}

/** What tokens cost, by their class. */
export interface TokenRates {
  readonly input: RatePerMillion;
  /** Absent: the same as `input`, as for the classes below but where another is named. */
  readonly cachedInput?: RatePerMillion;
  readonly cacheWrite?: RatePerMillion;
  /** Absent: the same as `cacheWrite`. */
  readonly cacheWriteLong?: RatePerMillion;
  readonly audioInput?: RatePerMillion;
  readonly imageInput?: RatePerMillion;
  readonly output: RatePerMillion;
  /** Absent: the same as `output`, as for the classes below. */
  readonly reasoning?: RatePerMillion;
  /** The whole text of an answer that reasoned costs this, its visible part too; then `reasoning` is not there. */
  readonly thinkingOutput?: RatePerMillion;
  readonly audioOutput?: RatePerMillion;
  readonly imageOutput?: RatePerMillion;
}

/** Every class of tokens that can have a rate, in the order in which prices are shown. */
export const TOKEN_RATES = [
  "input",
  "cachedInput",
  "cacheWrite",
  "cacheWriteLong",
  "audioInput",
  "imageInput",
  "output",
  "reasoning",
  "thinkingOutput",
  "audioOutput",
  "imageOutput",
] as const satisfies readonly (keyof TokenRates)[];

/** What else can have a rate. */
export const UNIT_RATES = [
  "call",
  "image",
  "second",
  "characters",
] as const satisfies readonly (keyof MeteredPrice)[];

export interface MeteredPrice extends TokenRates {
  readonly kind: "metered";
  /** Rates for longer prompts, the whole request at once; shortest first. */
  readonly bands?: readonly PriceBand[];
  /** Micropoints each. */
  readonly call?: Micropoints;
  readonly image?: Micropoints;
  /** Images of a size or quality that has a price of its own, by its name. */
  readonly imageVariants?: Readonly<Record<string, Micropoints>>;
  readonly second?: Micropoints;
  readonly characters?: RatePerMillion;
  /** Per cent of the price that a service tier costs: batch 50. */
  readonly serviceTiers?: Readonly<Record<string, number>>;
}

export interface PriceBand {
  /** In force for prompts of more tokens than this. */
  readonly above: number;
  readonly rates: TokenRates;
}

/** A price that depends on the hour in which a request is admitted. */
export interface TimedPrice {
  readonly kind: "timed";
  readonly windows: readonly PriceWindow[];
  readonly otherwise: MeteredPrice;
}

export const MILLION = 1_000_000n;
export const WHOLE = 100;

/** What the usage costs: summed exactly over all classes, rounded up once to the micropoint. */
export function costOf(tariff: Tariff, usage: Usage): Micropoints {
  if (tariff.kind === "free") return ZERO;
  const plain = plainCost(tariff, usage);
  if (plain !== undefined) return micropointsOf(plain);
  const { serviceTiers, bands } = tariff;
  const rates = bands === undefined ? tariff : ratesFor(tariff, promptTokens(usage));
  const sum = tokensCost(rates, usage) + unitsCost(tariff, usage);
  const percent = serviceTiers === undefined ? WHOLE : percentOf(tariff, usage.serviceTier);
  return micropointsOf(roundedUp(sum, percent));
}

/** Rates as numbers. One that is beyond 2^53 may be rounded, and stays beyond: no sum with it passes for exact. */
interface PlainRates {
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
}

/** Made once for each price; null where a usage can cost more than its tokens, or other rates may count. */
const plainRates = new WeakMap<MeteredPrice, PlainRates | null>();

function plainRatesOf(tariff: MeteredPrice): PlainRates | null {
  const known = plainRates.get(tariff);
  if (known !== undefined) return known;
  const { input, output, cachedInput, cacheWrite, reasoning, thinkingOutput, bands, call } = tariff;
  const isPlain = bands === undefined && call === undefined && thinkingOutput === undefined;
  const rates = {
    input: Number(input),
    cachedInput: Number(cachedInput ?? input),
    cacheWrite: Number(cacheWrite ?? input),
    output: Number(output),
    reasoning: Number(reasoning ?? output),
  };
  const made = isPlain && Object.values(rates).every(isWhole) ? rates : null;
  plainRates.set(tariff, made);
  return made;
}

/** The same for the usual case, tokens of the common classes, in numbers. Undefined: it is another case. */
function plainCost(tariff: MeteredPrice, usage: Usage): bigint | undefined {
  const rates = plainRatesOf(tariff);
  if (rates === null || !isPlainUse(tariff, usage)) return undefined;
  const { input, cachedInput, cacheWrite, output, reasoning } = usage;
  const isCounted =
    isWhole(input) && isWhole(cachedInput) && isWhole(cacheWrite) && isWhole(output) && isWhole(reasoning);
  if (!isCounted) return undefined;
  const sum =
    input * rates.input +
    cachedInput * rates.cachedInput +
    cacheWrite * rates.cacheWrite +
    output * rates.output +
    reasoning * rates.reasoning;
  return dividedUp(sum, Number(MILLION));
}

const isPlainUse = (tariff: MeteredPrice, usage: Usage): boolean =>
  usage.images === 0 &&
  usage.seconds === 0 &&
  usage.cacheWriteLong === undefined &&
  usage.audioInput === undefined &&
  usage.imageInput === undefined &&
  usage.audioOutput === undefined &&
  usage.imageOutput === undefined &&
  usage.characters === undefined &&
  (usage.serviceTier === undefined || tariff.serviceTiers === undefined);

/** The rates for a prompt of that many tokens. */
export function ratesFor(tariff: MeteredPrice, prompt: number): TokenRates {
  return tariff.bands?.findLast(({ above }) => prompt > above)?.rates ?? tariff;
}

/** Whether it says what the longer-lived of two caches costs to write. */
export function hasLongCacheRate(price: Price): boolean {
  if (price.kind === "free") return true;
  return (price.kind === "timed" ? price.otherwise : price).cacheWriteLong !== undefined;
}

/** The service tiers that it names; undefined: it costs nothing whatever the tier. */
export function pricedTiers(price: Price): readonly string[] | undefined {
  if (price.kind === "free") return undefined;
  return Object.keys((price.kind === "timed" ? price.otherwise : price).serviceTiers ?? {});
}

/** Of a tier that the price does not name: the whole. */
export const percentOf = ({ serviceTiers }: MeteredPrice, tier: string | undefined): number =>
  ownOf(serviceTiers, tier) ?? WHOLE;

/** In millionths of a micropoint, as the sums below. Most classes are mostly 0, which is left out first. */
function tokensCost(rates: TokenRates, usage: Usage): bigint {
  const { input, output, thinkingOutput } = rates;
  const isThought = usage.reasoning > 0 && thinkingOutput !== undefined;
  let sum = part(usage.input, input) + part(usage.output, isThought ? thinkingOutput : output);
  if (usage.cachedInput !== 0) sum += part(usage.cachedInput, rates.cachedInput ?? input);
  if (usage.cacheWrite !== 0) sum += part(usage.cacheWrite, rates.cacheWrite ?? input);
  if (usage.reasoning !== 0) sum += part(usage.reasoning, thinkingOutput ?? rates.reasoning ?? output);
  if (usage.cacheWriteLong !== undefined) {
    sum += part(usage.cacheWriteLong, rates.cacheWriteLong ?? rates.cacheWrite ?? input);
  }
  if (usage.audioInput !== undefined) sum += part(usage.audioInput, rates.audioInput ?? input);
  if (usage.imageInput !== undefined) sum += part(usage.imageInput, rates.imageInput ?? input);
  if (usage.audioOutput !== undefined) sum += part(usage.audioOutput, rates.audioOutput ?? output);
  if (usage.imageOutput !== undefined) sum += part(usage.imageOutput, rates.imageOutput ?? output);
  return sum;
}

function unitsCost(tariff: MeteredPrice, usage: Usage): bigint {
  let each = tariff.call ?? 0n;
  if (usage.images !== 0) each += imagesCost(tariff, usage.images, usage.imageVariants ?? {});
  if (usage.seconds !== 0) each += BigInt(usage.seconds) * (tariff.second ?? 0n);
  const sum = each === 0n ? 0n : each * MILLION;
  return usage.characters === undefined ? sum : sum + part(usage.characters, tariff.characters ?? 0n);
}

/** A variant without a price of its own costs as any image does, and where that has no price, as the dearest one. */
function imagesCost(tariff: MeteredPrice, images: number, made: Readonly<Record<string, number>>): bigint {
  let sum = 0n;
  let left = images;
  for (const [variant, count] of Object.entries(made)) {
    sum += BigInt(count) * imageRate(tariff, variant);
    left -= count;
  }
  return left === 0 ? sum : sum + BigInt(left) * imageRate(tariff, undefined);
}

/** Each. */
export function imageRate(tariff: MeteredPrice, variant: string | undefined): bigint {
  const own = ownOf(tariff.imageVariants, variant) ?? tariff.image;
  return own ?? Object.values(tariff.imageVariants ?? {}).reduce<bigint>(dearer, 0n);
}

/** No class is 0 by mistake: what is absent is 0, and what is no number throws. */
export const part = (count: number | undefined, rate: bigint): bigint =>
  count === undefined || count === 0 ? 0n : BigInt(count) * rate;

export const roundedUp = (millionths: bigint, percent: number): bigint =>
  percent === WHOLE
    ? (millionths + MILLION - 1n) / MILLION
    : (millionths * BigInt(percent) + HUNDRED_MILLION - 1n) / HUNDRED_MILLION;

export const HUNDRED_MILLION = MILLION * 100n;

export const dearer = (top: bigint, rate: bigint | undefined): bigint =>
  rate !== undefined && rate > top ? rate : top;
