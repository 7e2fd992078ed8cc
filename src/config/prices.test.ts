import { describe, expect, test } from "bun:test";
import type { Operation } from "../core/catalog.ts";
import { findingsOf } from "./issues.ts";
import { formatPrice } from "./price-text.ts";
import { priceOf } from "./prices.ts";
import { type CandidateInput, candidateSchema } from "./schema.ts";

const messages = (price: unknown, operations?: readonly Operation[]): readonly string[] =>
  findingsOf(candidateSchema, { vendor: "v", model: "m", price, ...(operations && { operations }) }).map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );

describe("a price", () => {
  test("is read exactly, from numbers and from text", () => {
    expect(priceOf({ input: 0.1, cachedInput: "0.000001", output: "12.5" })).toEqual({
      kind: "metered",
      input: 100_000n,
      cachedInput: 1n,
      output: 12_500_000n,
    } as ReturnType<typeof priceOf>);
  });

  test("of pictures has a rate that pictures are charged by", () => {
    const problem = "price: has no rate that pictures are charged by";
    expect(messages({ image: 0.04 }, ["image"])).toEqual([]);
    expect(messages({ call: 0.1 }, ["image_edit"])).toEqual([]);
    expect(messages({ input: 5, output: 30 }, ["image", "image_edit"])).toEqual([]);
    expect(messages({ input: 5, output: 0 }, ["image"])[0]).toStartWith(problem);
    expect(messages({ input: 5 }, ["image"])[0]).toStartWith(problem);
  });

  test("can be free only by saying so", () => {
    expect(priceOf("free")).toEqual({ kind: "free" });
    expect(messages(undefined)[0]).toStartWith("price: is required");
    expect(messages({})[0]).toStartWith("price: has no rate");
    expect(messages({ input: 0, output: 0 })[0]).toContain("say `price: free`");
    expect(messages("gratis")[0]).toContain("or `free`");
    expect(messages(0)[0]).toContain("or `free`");
  });

  test.each([
    [-1, "must not be negative"],
    ["-0.5", "must not be negative"],
    [-1e-9, "must not be negative"],
    [0.0000001, "has more than six decimals"],
    [1e-9, "has more than six decimals"],
    ["0.1234567", "has more than six decimals"],
    [1e30, "is too large"],
    ["9999999999999", "is too large"],
    ["two", "must be an amount of points such as 2 or 0.25"],
    ["", "must be an amount of points such as 2 or 0.25"],
    ["1e3", "must be an amount of points such as 2 or 0.25"],
    [true, "must be an amount of points such as 2 or 0.25"],
    [null, "must be an amount of points such as 2 or 0.25"],
    [Number.NaN, "must be an amount of points such as 2 or 0.25"],
    [Number.POSITIVE_INFINITY, "must be an amount of points such as 2 or 0.25"],
  ])("cannot have the rate %p", (rate, message) => {
    expect(messages({ input: rate, output: 1 })).toContain(`price.input: ${message}`);
  });

  test("needs both ways of tokens, except where there is only one", () => {
    expect(messages({ input: 1 })[0]).toContain("no rate for `output`");
    expect(messages({ output: 1 })[0]).toContain("no rate for `input`");
    expect(messages({ input: 1 }, ["embedding", "chat"])[0]).toContain("no rate for `output`");
    expect(messages({ input: 1 }, ["embedding"])).toEqual([]);
    expect(messages({ call: "0.5" })).toEqual([]);
    expect(messages({ image: 1, cachedInput: 1 })[0]).toContain("no rate for `input`");
  });

  test("reads back for a person", () => {
    expect(formatPrice(priceOf({ input: 2, cachedInput: 0.2, output: 8 }))).toBe("2 in, 0.2 cached, 8 out");
    expect(formatPrice(priceOf("free"))).toBe("free");
    expect(formatPrice(undefined)).toBe("no price");
  });

  test("conversion refuses what was not checked", () => {
    const unchecked: CandidateInput["price"] = { input: "-3", output: 1 };
    expect(() => priceOf(unchecked)).toThrow("before it was checked");
  });
});
