import { describe, expect, test } from "bun:test";
import { readBuiltIns } from "./built-in.ts";
import { ConfigError } from "./problems.ts";

describe("the built-in vendors and models", () => {
  const builtIns = readBuiltIns();

  test("keeps the file's rules, prices each model and names only its own vendors", () => {
    const vendors = Object.keys(builtIns.vendors);
    for (const candidates of Object.values(builtIns.models)) {
      for (const candidate of candidates) {
        expect(vendors).toContain(candidate.vendor);
        expect(candidate.price === "free").toBe(candidate.vendor === "sandbox");
      }
    }
  });

  test("bounds the answer of every model that writes text, for the hold", () => {
    for (const [name, candidates] of Object.entries(builtIns.models)) {
      const writes = candidates.some(({ operations }) => operations?.includes("chat"));
      if (writes) expect([name, typeof candidates[0]?.maxOutput]).toEqual([name, "number"]);
    }
  });

  test("charges no more for cached tokens than for others", () => {
    for (const [name, candidates] of Object.entries(builtIns.models)) {
      for (const { price } of candidates) {
        if (price === "free") continue;
        const isCheaper = Number(price.cachedInput ?? price.input) <= Number(price.input);
        expect([name, isCheaper]).toEqual([name, true]);
      }
    }
  });

  test("a mistake in it names its line", () => {
    const broken = "vendors: {}\nmodels:\n  x: [{ vendor: v, model: m }]\n";
    expect(() => readBuiltIns(broken)).toThrow(ConfigError);
    expect(() => readBuiltIns(broken)).toThrow("built-in.yaml:3:7 models.x[0].price: is required");
  });
});
