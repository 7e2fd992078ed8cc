/**
 * Usage in its normal form: disjoint classes, so that a price can be applied class by class without
 * counting anything twice. Vendors differ (cached tokens are part of the prompt at OpenAI, not at
 * Anthropic; reasoning is part of the completion everywhere but at Gemini); adapters normalise.
 */
export interface Usage {
  /** Prompt tokens neither read from nor written to a cache. */
  readonly input: number;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  /** Visible output tokens, reasoning left out. */
  readonly output: number;
  readonly reasoning: number;
  /** Images produced. */
  readonly images: number;
  /** Seconds of audio or video, rounded up by the adapter. */
  readonly seconds: number;
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

export const USAGE_CLASSES = [
  "input",
  "cachedInput",
  "cacheWrite",
  "output",
  "reasoning",
  "images",
  "seconds",
] as const satisfies readonly (keyof Usage)[];

/** True when every class is a whole number that a vendor could mean: neither negative nor absurd. */
export function isPlausible(usage: Usage): boolean {
  return USAGE_CLASSES.every(
    (name) => Number.isSafeInteger(usage[name]) && usage[name] >= 0 && usage[name] <= 1e10,
  );
}

/** Class by class. */
export function plus(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    cachedInput: a.cachedInput + b.cachedInput,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
    images: a.images + b.images,
    seconds: a.seconds + b.seconds,
  };
}

export const promptTokens = (usage: Usage): number => usage.input + usage.cachedInput + usage.cacheWrite;
export const completionTokens = (usage: Usage): number => usage.output + usage.reasoning;
