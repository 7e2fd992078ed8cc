import { type Micropoints, micropointsOf, ZERO } from "./points.ts";
import type { Usage } from "./usage.ts";

/** Micropoints per million units: `2` points per million tokens is 2 000 000n, `0.2` is 200 000n. */
export type RatePerMillion = Micropoints;

/** A price is either said to be free or has a rate for everything it can be charged for. */
export type Price = FreePrice | MeteredPrice;

export interface FreePrice {
  readonly kind: "free";
}

export interface MeteredPrice {
  readonly kind: "metered";
  readonly input: RatePerMillion;
  /** Absent: the same as `input`. */
  readonly cachedInput?: RatePerMillion;
  /** Absent: the same as `input`. */
  readonly cacheWrite?: RatePerMillion;
  readonly output: RatePerMillion;
  /** Absent: the same as `output`. */
  readonly reasoning?: RatePerMillion;
  /** Micropoints each. */
  readonly call?: Micropoints;
  readonly image?: Micropoints;
  readonly second?: Micropoints;
}

const MILLION = 1_000_000n;

/** What the usage costs: summed exactly over all classes, rounded up once to the micropoint. */
export function costOf(price: Price, usage: Usage): Micropoints {
  if (price.kind === "free") return ZERO;
  const tokens =
    BigInt(usage.input) * price.input +
    BigInt(usage.cachedInput) * (price.cachedInput ?? price.input) +
    BigInt(usage.cacheWrite) * (price.cacheWrite ?? price.input) +
    BigInt(usage.output) * price.output +
    BigInt(usage.reasoning) * (price.reasoning ?? price.output);
  const units =
    (price.call ?? 0n) +
    BigInt(usage.images) * (price.image ?? 0n) +
    BigInt(usage.seconds) * (price.second ?? 0n);
  return micropointsOf((tokens + MILLION - 1n) / MILLION + units);
}

/** The largest cost that `prompt` tokens in and at most `output` tokens out can have, whatever their class. */
export function largestCost(price: Price, prompt: number, output: number, images = 0): Micropoints {
  if (price.kind === "free") return ZERO;
  const tokens = BigInt(prompt) * dearestInput(price) + BigInt(output) * dearestOutput(price);
  const units = (price.call ?? 0n) + BigInt(images) * (price.image ?? 0n);
  return micropointsOf((tokens + MILLION - 1n) / MILLION + units);
}

/** How many output tokens `amount` can pay for after `prompt` tokens in; negative when not even those. */
export function affordableOutput(price: Price, prompt: number, amount: Micropoints): number {
  if (price.kind === "free") return Number.MAX_SAFE_INTEGER;
  const left = amount - largestCost(price, prompt, 0);
  if (left < 0n) return -1;
  const rate = dearestOutput(price);
  if (rate === 0n) return Number.MAX_SAFE_INTEGER;
  return Number((left * MILLION) / rate);
}

const dearestInput = (price: MeteredPrice): bigint =>
  [price.cachedInput, price.cacheWrite].reduce<bigint>(
    (top, rate) => (rate !== undefined && rate > top ? rate : top),
    price.input,
  );

const dearestOutput = (price: MeteredPrice): bigint =>
  price.reasoning !== undefined && price.reasoning > price.output ? price.reasoning : price.output;
