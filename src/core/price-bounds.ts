import { dividedUp, isWhole } from "./exact-numbers.ts";
import { type Micropoints, micropointsOf, ZERO } from "./points.ts";
import {
  dearer,
  HUNDRED_MILLION,
  imageRate,
  type MeteredPrice,
  MILLION,
  type Price,
  part,
  percentOf,
  roundedUp,
  type TokenRates,
  WHOLE,
} from "./price.ts";
import { type Span, tariffsWithin } from "./price-hours.ts";

/** What a request can cost at most: for its hold, and for what is left of a balance. */

/** What a request may use besides its tokens, and what is known of how it will be charged. */
export interface MostUse {
  readonly images?: number;
  /** The size or quality of all of them; absent: any. */
  readonly imageVariant?: string;
  readonly seconds?: number;
  readonly characters?: number;
  /** The service tier that was asked for: no dearer one will serve. Absent: any may. */
  readonly serviceTier?: string;
  /** When it may be admitted; absent: at any time. */
  readonly span?: Span;
  /** The longest prompt whose band is to be taken into account, where that is more than the prompt. */
  readonly reach?: number;
}

/** The largest cost that `prompt` tokens in and at most `output` tokens out can have, whatever their class, band and hour. */
export function largestCost(price: Price, prompt: number, output: number, use: MostUse = {}): Micropoints {
  if (price.kind === "free") return ZERO;
  if (price.kind === "metered") return micropointsOf(largestAt(price, prompt, output, use));
  let top = 0n;
  for (const tariff of tariffsWithin(price, use.span)) {
    top = dearer(top, largestAt(tariff, prompt, output, use));
  }
  return micropointsOf(top);
}

function largestAt(tariff: MeteredPrice, prompt: number, output: number, use: MostUse): bigint {
  const plain = plainLargest(tariff, prompt, output, use);
  if (plain !== undefined) return plain;
  let top = 0n;
  if (tariff.bands === undefined) top = sumBy(tariff, prompt, output);
  else
    for (const { rates, tokens } of reachable(tariff, prompt, use.reach))
      top = dearer(top, sumBy(rates, tokens, output));
  return roundedUp(top + dearestUnits(tariff, use), dearestPercent(tariff, use.serviceTier));
}

/** The dearest rates as numbers. */
interface PlainTop {
  readonly input: number;
  readonly output: number;
}

/** Made once for each price; null where the prompt's length or the call itself may change what it costs. */
const plainTops = new WeakMap<MeteredPrice, PlainTop | null>();

function plainTopOf(tariff: MeteredPrice): PlainTop | null {
  const known = plainTops.get(tariff);
  if (known !== undefined) return known;
  const isPlain = tariff.bands === undefined && tariff.call === undefined;
  const top = { input: Number(dearestInput(tariff)), output: Number(dearestOutput(tariff)) };
  const made = isPlain && isWhole(top.input) && isWhole(top.output) ? top : null;
  plainTops.set(tariff, made);
  return made;
}

/** The same for the usual case, nothing but tokens, in numbers. Undefined: it is another case. */
function plainLargest(
  tariff: MeteredPrice,
  prompt: number,
  output: number,
  use: MostUse,
): bigint | undefined {
  const top = plainTopOf(tariff);
  if (top === null || use.images !== undefined || use.seconds !== undefined || use.characters !== undefined)
    return undefined;
  const percent = dearestPercent(tariff, use.serviceTier);
  if (!isWhole(prompt) || !isWhole(output) || !isWhole(percent)) return undefined;
  return dividedUp((prompt * top.input + output * top.output) * percent, Number(HUNDRED_MILLION));
}

const sumBy = (rates: TokenRates, input: number, output: number): bigint =>
  BigInt(input) * dearestInput(rates) + BigInt(output) * dearestOutput(rates);

/** How many output tokens `amount` can pay for after `prompt` tokens in; negative when not even those. */
export function affordableOutput(
  price: Price,
  prompt: number,
  amount: Micropoints,
  use: MostUse = {},
): number {
  let fewest = Number.MAX_SAFE_INTEGER;
  if (price.kind === "free") return fewest;
  for (const tariff of tariffsWithin(price, use.span)) {
    // A cost is within the amount when its exact sum is.
    const payable = (amount * HUNDRED_MILLION) / BigInt(dearestPercent(tariff, use.serviceTier));
    const left = payable - dearestUnits(tariff, use);
    for (const { rates, tokens } of reachable(tariff, prompt, use.reach)) {
      const forOutput = left - BigInt(tokens) * dearestInput(rates);
      if (forOutput < 0n) return -1;
      const rate = dearestOutput(rates);
      if (rate !== 0n) fewest = Math.min(fewest, Number(forOutput / rate));
    }
  }
  return fewest;
}

interface Reachable {
  readonly rates: TokenRates;
  /** The most prompt tokens that these rates can be in force for. */
  readonly tokens: number;
}

/** The rates that a prompt of at most that length can be charged by: it may turn out shorter than it was estimated. */
function reachable(tariff: MeteredPrice, prompt: number, reach: number | undefined): readonly Reachable[] {
  const bands = tariff.bands ?? [];
  const longest = Math.max(prompt, reach ?? prompt);
  const tokensTo = (end: number | undefined): number =>
    reach === undefined && end !== undefined ? Math.min(prompt, end) : prompt;
  const found: Reachable[] = [{ rates: tariff, tokens: tokensTo(bands[0]?.above) }];
  for (const [index, { above, rates }] of bands.entries()) {
    if (longest > above) found.push({ rates, tokens: tokensTo(bands[index + 1]?.above) });
  }
  return found;
}

function dearestUnits(tariff: MeteredPrice, use: MostUse): bigint {
  let each = tariff.call ?? 0n;
  if (use.images !== undefined) each += BigInt(use.images) * dearestImage(tariff, use.imageVariant);
  if (use.seconds !== undefined) each += BigInt(use.seconds) * (tariff.second ?? 0n);
  const sum = each === 0n ? 0n : each * MILLION;
  return use.characters === undefined ? sum : sum + part(use.characters, tariff.characters ?? 0n);
}

/** Any of them may be of no variant that has a name. */
function dearestImage(tariff: MeteredPrice, variant: string | undefined): bigint {
  if (variant !== undefined) return imageRate(tariff, variant);
  return Object.values(tariff.imageVariants ?? {}).reduce<bigint>(dearer, tariff.image ?? 0n);
}

/** A tier that is asked for may turn into the usual one, never into a dearer one. */
function dearestPercent(tariff: MeteredPrice, tier: string | undefined): number {
  if (tariff.serviceTiers === undefined) return WHOLE;
  if (tier !== undefined) return Math.max(WHOLE, percentOf(tariff, tier));
  return Math.max(WHOLE, ...Object.values(tariff.serviceTiers));
}

function dearestInput(rates: TokenRates): bigint {
  const text = dearer(dearer(rates.input, rates.cachedInput), rates.cacheWrite);
  return dearer(dearer(dearer(text, rates.cacheWriteLong), rates.audioInput), rates.imageInput);
}

function dearestOutput(rates: TokenRates): bigint {
  const text = dearer(dearer(rates.output, rates.reasoning), rates.thinkingOutput);
  return dearer(dearer(text, rates.audioOutput), rates.imageOutput);
}
