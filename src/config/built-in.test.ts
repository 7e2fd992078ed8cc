import { describe, expect, test } from "bun:test";
import { formatPoints } from "../core/points.ts";
import { costOf } from "../core/price.ts";
import { tariffAt } from "../core/price-hours.ts";
import { NO_USAGE, type Usage } from "../core/usage.ts";
import { readBuiltIns } from "./built-in.ts";
import { priceOf } from "./prices.ts";
import { ConfigError } from "./problems.ts";

describe("the built-in vendors and models", () => {
  const builtIns = readBuiltIns();

  test("keeps the file's rules, prices each model and names only its own vendors", () => {
    const vendors = Object.keys(builtIns.vendors);
    for (const candidates of Object.values(builtIns.models)) {
      for (const candidate of candidates) {
        expect(vendors).toContain(candidate.vendor);
        // Moderations cost nothing at OpenAI.
        const isFree = candidate.vendor === "sandbox" || candidate.operations?.join() === "moderation";
        expect(candidate.price === "free").toBe(isFree);
      }
    }
  });

  test("bounds the answer of every model that writes text, for the hold", () => {
    for (const [name, candidates] of Object.entries(builtIns.models)) {
      const writes = candidates.some(({ operations }) => operations?.includes("chat"));
      if (writes) expect([name, typeof candidates[0]?.maxOutput]).toEqual([name, "number"]);
    }
  });

  test("bounds the tokens of every picture that is priced by them", () => {
    for (const [name, candidates] of Object.entries(builtIns.models)) {
      for (const { operations = [], price, maxOutput } of candidates) {
        if (price === "free" || !operations.includes("image")) continue;
        const isByTokens = price.image === undefined && price.call === undefined;
        expect([name, typeof maxOutput]).toEqual([name, isByTokens ? "number" : "undefined"]);
      }
    }
  });

  test("charges no more for cached tokens than for others", () => {
    for (const [name, candidates] of Object.entries(builtIns.models)) {
      for (const { price } of candidates) {
        if (price === "free" || price.input === undefined) continue;
        const isCheaper = Number(price.cachedInput ?? price.input) <= Number(price.input);
        expect([name, isCheaper]).toEqual([name, true]);
      }
    }
  });

  test("what has no known price is named, and belongs to a vendor that is", () => {
    for (const [name, candidates] of Object.entries(builtIns.unpriced ?? {})) {
      expect(builtIns.models[name]).toBeUndefined();
      for (const { vendor } of candidates) expect(Object.keys(builtIns.vendors)).toContain(vendor);
    }
  });

  test("a mistake in it names its line", () => {
    const broken = "vendors: {}\nmodels:\n  x: [{ vendor: v, model: m }]\n";
    expect(() => readBuiltIns(broken)).toThrow(ConfigError);
    expect(() => readBuiltIns(broken)).toThrow("built-in.yaml:3:7 models.x[0].price: is required");
  });
});

describe("built-in prices", () => {
  const prices = new Map(
    Object.entries(readBuiltIns().models).flatMap(([name, candidates]) =>
      candidates.map(({ price }) => [name, priceOf(price)] as const),
    ),
  );
  const peak = Date.parse("2026-11-02T02:00:00Z");
  const calm = Date.parse("2026-11-02T12:00:00Z");

  test.each<[string, number, Partial<Usage>, string]>([
    ["gpt-5.4", calm, { input: 272_000, output: 1_000 }, "0.695"],
    ["gpt-5.4", calm, { input: 272_001, output: 1_000 }, "1.382505"],
    ["gpt-5.4", calm, { input: 1_000, serviceTier: "flex" }, "0.00125"],
    ["gpt-6-sol", calm, { cachedInput: 300_000, cacheWrite: 100_000 }, "0.62"],
    ["claude-haiku-5-5", calm, { input: 100_000, output: 1_000 }, "0.0105"],
    ["claude-haiku-5-5", calm, { input: 50_000, cachedInput: 50_001, output: 1_000 }, "0.030001"],
    ["claude-sonnet-5", calm, { cacheWrite: 1_000_000, cacheWriteLong: 1_000_000 }, "6.5"],
    ["deepseek-flash", peak, { input: 1_000_000, output: 1_000_000 }, "1.5"],
    ["deepseek-flash", calm, { input: 1_000_000, output: 1_000_000 }, "0.75"],
    ["deepseek-v4-pro", peak, { cachedInput: 1_000_000 }, "0.044"],
    ["qwen-plus", calm, { output: 1_000_000 }, "0.287"],
    ["qwen-plus", calm, { output: 500_000, reasoning: 500_000 }, "1.147"],
    ["gemini-3.8-flash", calm, { input: 1_000_000 }, "0.75"],
    ["gpt-image-2", calm, { input: 50, imageInput: 1_000, imageOutput: 4_160, images: 1 }, "0.13305"],
    ["gemini-3.1-flash-image", calm, { input: 1_000, output: 10, imageOutput: 1_120, images: 1 }, "0.06773"],
    ["qwen-image-3.0-pro", calm, { images: 3, imageVariants: { "1K": 2, "2K": 1 } }, "0.14"],
    ["doubao-seedream-4-5", calm, { images: 2 }, "0.08"],
    ["gemini-3.8-flash", Date.parse("2027-01-01T00:00:00Z"), { input: 1_000_000 }, "1.5"],
  ])("of %s at %p charge %j with %p", (model, at, used, cost) => {
    const price = prices.get(model);
    if (price === undefined) throw new Error(`${model} has no price`);
    expect(formatPoints(costOf(tariffAt(price, at), { ...NO_USAGE, ...used }))).toBe(cost);
  });
});
