import { describe, expect, test } from "bun:test";
import { micropointsOf, parsePoints } from "./points.ts";
import { costOf, type MeteredPrice } from "./price.ts";
import { affordableOutput, largestCost } from "./price-bounds.ts";
import { NO_USAGE } from "./usage.ts";

const points = (text: string) => {
  const amount = parsePoints(text);
  if (amount === undefined) throw new Error(text);
  return amount;
};

const deepseek: MeteredPrice = {
  kind: "metered",
  input: points("2"),
  cachedInput: points("0.2"),
  output: points("8"),
};

describe("a price", () => {
  test("charges each class at its own rate and rounds the sum up once", () => {
    expect(costOf(deepseek, { ...NO_USAGE, input: 10, output: 20 })).toBe(micropointsOf(180n));
    // 3 × 0.2 = 0.6 micropoints and 3 × 0.2 again would be 2 if each were rounded.
    expect(costOf(deepseek, { ...NO_USAGE, cachedInput: 3 })).toBe(micropointsOf(1n));
    expect(costOf(deepseek, { ...NO_USAGE, cachedInput: 6 })).toBe(micropointsOf(2n));
  });

  test("falls back to input for cache writes and to output for reasoning", () => {
    expect(costOf(deepseek, { ...NO_USAGE, cacheWrite: 5 })).toBe(micropointsOf(10n));
    expect(costOf(deepseek, { ...NO_USAGE, reasoning: 5 })).toBe(micropointsOf(40n));
    const dear = { ...deepseek, reasoning: points("16") };
    expect(costOf(dear, { ...NO_USAGE, reasoning: 5, output: 5 })).toBe(micropointsOf(120n));
  });

  test("adds what is paid per call, per image and per second", () => {
    const price: MeteredPrice = {
      kind: "metered",
      input: points("0"),
      output: points("0"),
      call: points("0.5"),
      image: points("2"),
      second: points("0.1"),
    };
    expect(costOf(price, { ...NO_USAGE, images: 3, seconds: 4 })).toBe(points("6.9"));
  });

  test("that is free costs nothing whatever the usage", () => {
    expect(costOf({ kind: "free" }, { ...NO_USAGE, input: 1e9, output: 1e9 })).toBe(micropointsOf(0n));
  });

  test("never costs more than the largest cost that was held for it", () => {
    const price: MeteredPrice = { ...deepseek, cacheWrite: points("2.5"), reasoning: points("9") };
    for (let seed = 0; seed < 2_000; seed += 1) {
      const part = (salt: number, top: number) => (seed * 7_919 + salt * 104_729) % (top + 1);
      const [input, cached, written] = [part(1, 300), part(2, 300), part(3, 300)];
      const [output, reasoning] = [part(4, 500), part(5, 500)];
      const usage = { ...NO_USAGE, input, cachedInput: cached, cacheWrite: written, output, reasoning };
      const held = largestCost(price, input + cached + written, output + reasoning);
      expect(costOf(price, usage)).toBeLessThanOrEqual(held);
    }
  });

  test("says how much output an amount pays for: that much fits, one more does not", () => {
    for (const amount of [1n, 179n, 180n, 181n, 5_000n, 1_234_567n]) {
      const tokens = affordableOutput(deepseek, 10, micropointsOf(amount));
      if (tokens < 0) {
        expect(largestCost(deepseek, 10, 0)).toBeGreaterThan(micropointsOf(amount));
        continue;
      }
      expect(largestCost(deepseek, 10, tokens)).toBeLessThanOrEqual(micropointsOf(amount));
      expect(largestCost(deepseek, 10, tokens + 1)).toBeGreaterThan(micropointsOf(amount));
    }
  });
});
