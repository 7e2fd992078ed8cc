import { describe, expect, test } from "bun:test";
import { micropointsOf, parsePoints } from "./points.ts";
import { costOf, type MeteredPrice } from "./price.ts";
import { affordableOutput, largestCost } from "./price-bounds.ts";
import { NO_USAGE, type Usage } from "./usage.ts";

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

  test("charges a longer prompt by its band, the whole request at once", () => {
    const price: MeteredPrice = {
      ...deepseek,
      bands: [
        { above: 100, rates: { input: points("4"), cachedInput: points("0.4"), output: points("12") } },
        { above: 200, rates: { input: points("6"), output: points("20") } },
      ],
    };
    const cost = (input: number, cachedInput = 0) =>
      costOf(price, { ...NO_USAGE, input, cachedInput, output: 10 });
    expect(cost(100)).toBe(micropointsOf(200n + 80n));
    expect(cost(101)).toBe(micropointsOf(404n + 120n));
    // What was read from the cache is part of the prompt: 51 and 50 are beyond 100.
    expect(cost(51, 50)).toBe(micropointsOf(204n + 20n + 120n));
    expect(cost(201)).toBe(micropointsOf(1_206n + 200n));
    expect(cost(1, 200)).toBe(micropointsOf(6n + 1_200n + 200n));
  });

  test("charges sound, pictures and both lives of a cache at their own rates, else as text", () => {
    const usage: Usage = {
      ...NO_USAGE,
      ...{ cacheWrite: 1, cacheWriteLong: 2, audioInput: 3, imageInput: 4, audioOutput: 5, imageOutput: 6 },
    };
    expect(costOf(deepseek, usage)).toBe(micropointsOf(10n * 2n + 11n * 8n));
    const own: MeteredPrice = {
      ...deepseek,
      ...{ cacheWrite: points("3"), audioInput: points("10"), imageInput: points("20") },
      ...{ audioOutput: points("64"), imageOutput: points("30") },
    };
    const rest = 3n * 10n + 4n * 20n + 5n * 64n + 6n * 30n;
    expect(costOf(own, usage)).toBe(micropointsOf(3n + 2n * 3n + rest));
    expect(costOf({ ...own, cacheWriteLong: points("4") }, usage)).toBe(micropointsOf(3n + 2n * 4n + rest));
  });

  test("charges the whole text of an answer that reasoned at the price of thinking", () => {
    const price: MeteredPrice = { ...deepseek, thinkingOutput: points("16") };
    expect(costOf(price, { ...NO_USAGE, output: 5 })).toBe(micropointsOf(40n));
    expect(costOf(price, { ...NO_USAGE, output: 5, reasoning: 1 })).toBe(micropointsOf(96n));
  });

  test("charges each image as its variant, and one that is not known as the dearest may be", () => {
    const variants = { hd: points("4"), small: points("1") };
    const some = { ...NO_USAGE, images: 6, imageVariants: { hd: 1, small: 2, constructor: 1 } };
    const price: MeteredPrice = { kind: "metered", input: points("0"), output: points("0") };
    expect(costOf({ ...price, image: points("2"), imageVariants: variants }, some)).toBe(points("12"));
    expect(costOf({ ...price, imageVariants: variants }, some)).toBe(points("18"));
    expect(costOf({ ...price, image: points("2") }, some)).toBe(points("12"));
  });

  test("charges characters by the million and takes the tier's share of the whole, rounded up once", () => {
    const speech: MeteredPrice = {
      ...{ kind: "metered", input: points("0"), output: points("0"), characters: points("15") },
      ...{ call: points("0.000001"), serviceTiers: { batch: 50, fast: 250 } },
    };
    const usage: Usage = { ...NO_USAGE, characters: 7 };
    expect(costOf(speech, usage)).toBe(micropointsOf(106n));
    expect(costOf(speech, { ...usage, serviceTier: "batch" })).toBe(micropointsOf(53n));
    expect(costOf(speech, { ...usage, characters: 6, serviceTier: "batch" })).toBe(micropointsOf(46n));
    expect(costOf(speech, { ...usage, serviceTier: "fast" })).toBe(micropointsOf(265n));
    expect(costOf(speech, { ...usage, serviceTier: "toString" })).toBe(micropointsOf(106n));
  });

  test("refuses a count that is none rather than charging nothing for it", () => {
    expect(() => costOf(deepseek, { ...NO_USAGE, audioInput: Number.NaN })).toThrow();
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
