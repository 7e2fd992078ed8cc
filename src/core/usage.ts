import type { Writable } from "./writable.ts";

/**
 * Usage in its normal form: disjoint classes, so that a price can be applied class by class without
 * counting anything twice. Vendors differ (cached tokens are part of the prompt at OpenAI, not at
 * Anthropic; reasoning is part of the completion everywhere but at Gemini); adapters normalise.
 *
 * The optional classes are rare: absent is 0, and what was written down before they existed reads as it was.
 */
export interface Usage {
  /** Prompt tokens of text (or of a kind that the vendor does not tell), neither read from nor written to a cache. */
  readonly input: number;
  /** Of every kind. */
  readonly cachedInput: number;
  /** Written to the vendor's cache, or to the shorter-lived one of two. */
  readonly cacheWrite: number;
  /** Written to the longer-lived cache of two (Anthropic: an hour). */
  readonly cacheWriteLong?: number;
  readonly audioInput?: number;
  readonly imageInput?: number;
  /** Visible output tokens, reasoning left out. */
  readonly output: number;
  readonly reasoning: number;
  readonly audioOutput?: number;
  readonly imageOutput?: number;
  /** Images produced, of every variant. */
  readonly images: number;
  /** How many of `images` were of which size or quality, as the price calls it. */
  readonly imageVariants?: Readonly<Record<string, number>>;
  /** Seconds of audio or video, rounded up by the adapter. */
  readonly seconds: number;
  /** Characters read aloud. */
  readonly characters?: number;
  /** The service tier that the vendor served by (`flex`, `batch`), where it has another price. */
  readonly serviceTier?: string;
}

export const NO_USAGE: Usage = {
  input: 0,
  cachedInput: 0,
  cacheWrite: 0,
  output: 0,
  reasoning: 0,
  images: 0,
  seconds: 0,
};

/** What is in every usage. */
const COMMON_CLASSES = [
  "input",
  "cachedInput",
  "cacheWrite",
  "output",
  "reasoning",
  "images",
  "seconds",
] as const;
/** What is there only where it was counted. */
const RARE_CLASSES = [
  "cacheWriteLong",
  "audioInput",
  "imageInput",
  "audioOutput",
  "imageOutput",
  "characters",
] as const;

export const USAGE_CLASSES = [...COMMON_CLASSES, ...RARE_CLASSES] as const;

/** More kinds of picture than one call can ask for. */
const MOST_VARIANTS = 32;
/** What every store and every log takes as it is. */
const NAME = /^[\x20-\x7e]{1,64}$/;

/** True when every class is a whole number that a vendor could mean: neither negative nor absurd. */
export function isPlausible(usage: Usage): boolean {
  if (!areCounts(usage)) return false;
  if (usage.serviceTier !== undefined && !NAME.test(usage.serviceTier)) return false;
  if (usage.imageVariants === undefined) return true;
  const variants = Object.entries(usage.imageVariants);
  if (variants.length > MOST_VARIANTS) return false;
  const isKnown = variants.every(([name, count]) => NAME.test(name) && isCount(count));
  return isKnown && variants.reduce((sum, [, count]) => sum + count, 0) <= usage.images;
}

/** One after the other: looked up by their names they took four times as long, for each answer. */
const areCounts = (usage: Usage): boolean =>
  isCount(usage.input) &&
  isCount(usage.cachedInput) &&
  isCount(usage.cacheWrite) &&
  isCount(usage.output) &&
  isCount(usage.reasoning) &&
  isCount(usage.images) &&
  isCount(usage.seconds) &&
  isCount(usage.cacheWriteLong ?? 0) &&
  isCount(usage.audioInput ?? 0) &&
  isCount(usage.imageInput ?? 0) &&
  isCount(usage.audioOutput ?? 0) &&
  isCount(usage.imageOutput ?? 0) &&
  isCount(usage.characters ?? 0);

const isCount = (count: number): boolean => Number.isSafeInteger(count) && count >= 0 && count <= 1e10;

/** Class by class. The tier of a sum is the one that both have. */
export function plus(a: Usage, b: Usage): Usage {
  const sum: Writable<Usage> = {
    input: a.input + b.input,
    cachedInput: a.cachedInput + b.cachedInput,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
    images: a.images + b.images,
    seconds: a.seconds + b.seconds,
  };
  for (const name of RARE_CLASSES) {
    const count = (a[name] ?? 0) + (b[name] ?? 0);
    if (count !== 0) sum[name] = count;
  }
  const variants = plusVariants(a.imageVariants, b.imageVariants);
  if (variants !== undefined) sum.imageVariants = variants;
  if (a.serviceTier !== undefined && a.serviceTier === b.serviceTier) sum.serviceTier = a.serviceTier;
  return sum;
}

/** Of several parts; undefined where one of them was not told: what it would leave out cannot be known. */
export function sumOfTold(usages: readonly (Usage | undefined)[]): Usage | undefined {
  let sum: Usage | undefined;
  for (const usage of usages) {
    if (usage === undefined) return undefined;
    sum = sum === undefined ? usage : plus(sum, usage);
  }
  return sum;
}

function plusVariants(a: Usage["imageVariants"], b: Usage["imageVariants"]): Usage["imageVariants"] {
  if (a === undefined || b === undefined) return a ?? b;
  const sum: Record<string, number> = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

/** Of every kind. */
export const promptTokens = (usage: Usage): number =>
  usage.input +
  usage.cachedInput +
  usage.cacheWrite +
  (usage.cacheWriteLong ?? 0) +
  (usage.audioInput ?? 0) +
  (usage.imageInput ?? 0);

/** What was read, without what was made of it. */
export function promptOf(usage: Usage): Usage {
  const { audioOutput: _, imageOutput: __, ...rest } = usage;
  return { ...rest, output: 0, reasoning: 0 };
}

/** Of every kind, reasoning among them. */
export const completionTokens = (usage: Usage): number =>
  usage.output + usage.reasoning + (usage.audioOutput ?? 0) + (usage.imageOutput ?? 0);

/** A usage without the rare classes that are 0: the form in which it is kept. */
export function compact(usage: Usage): Usage {
  const kept: Writable<Usage> = { ...usage };
  for (const name of RARE_CLASSES) if (kept[name] === 0) delete kept[name];
  return kept;
}
