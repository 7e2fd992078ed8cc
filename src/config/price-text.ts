import { formatPoints } from "../core/points.ts";
import type { MeteredPrice, Price } from "../core/price.ts";
import { formatPriceHours } from "../core/price-hours-text.ts";

const RATES = [
  ["input", "in"],
  ["cachedInput", "cached"],
  ["cacheWrite", "cache write"],
  ["cacheWriteLong", "long cache write"],
  ["audioInput", "audio in"],
  ["imageInput", "image in"],
  ["output", "out"],
  ["reasoning", "reasoning"],
  ["thinkingOutput", "out with thinking"],
  ["audioOutput", "audio out"],
  ["imageOutput", "image out"],
  ["call", "each call"],
  ["image", "each image"],
  ["second", "each second"],
  ["characters", "each million characters"],
] as const;

const PLAIN: ReadonlySet<string> = new Set(["input", "output"]);

/** `2 in, 0.2 cached, 8 out`: points per million tokens, and each where it says so. */
export function formatPrice(price: Price | undefined): string {
  if (price === undefined) return "no price";
  if (price.kind === "free") return "free";
  if (price.kind === "metered") return meteredText(price);
  const windows = price.windows.map(
    (window) => `${meteredText(window.price)} at ${formatPriceHours(window)}`,
  );
  return [meteredText(price.otherwise), ...windows].join("; ");
}

function meteredText(price: MeteredPrice): string {
  const bands = (price.bands ?? []).map(({ above, rates }) => `above ${above} tokens ${ratesText(rates)}`);
  const variants = Object.entries(price.imageVariants ?? {}).map(
    ([name, rate]) => `${formatPoints(rate)} each image ${name}`,
  );
  const tiers = Object.entries(price.serviceTiers ?? {}).map(([name, percent]) => `${percent} % as ${name}`);
  return [ratesText(price), ...variants, ...bands, ...tiers].join(", ");
}

function ratesText(price: Partial<MeteredPrice>): string {
  const told = RATES.flatMap(([name, label]) => {
    const rate = price[name];
    return rate === undefined
      ? []
      : [{ rate, text: `${formatPoints(rate)} ${label}`, isPlain: PLAIN.has(name) }];
  });
  // Plain tokens that cost nothing are told, unless neither costs: then something else is what the price is about.
  const isByTokens =
    told.some(({ rate, isPlain }) => isPlain && rate !== 0n) || told.every(({ rate }) => rate === 0n);
  return told
    .filter(({ rate, isPlain }) => rate !== 0n || (isPlain && isByTokens))
    .map(({ text }) => text)
    .join(", ");
}
