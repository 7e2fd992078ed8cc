import { formatPoints } from "../core/points.ts";
import type { Price } from "../core/price.ts";

const RATES = [
  ["input", "in"],
  ["cachedInput", "cached"],
  ["cacheWrite", "cache write"],
  ["output", "out"],
  ["reasoning", "reasoning"],
  ["call", "each call"],
  ["image", "each image"],
  ["second", "each second"],
] as const;

/** `2 in, 0.2 cached, 8 out`: points per million tokens, and each where it says so. */
export function formatPrice(price: Price | undefined): string {
  if (price === undefined) return "no price";
  if (price.kind === "free") return "free";
  return RATES.flatMap(([name, label]) => {
    const rate = price[name];
    const isLeftOut = rate === undefined || (rate === 0n && name !== "output" && name !== "input");
    return isLeftOut ? [] : [`${formatPoints(rate)} ${label}`];
  }).join(", ");
}
