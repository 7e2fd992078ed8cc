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

  test("of sound has a rate that sound is charged by", () => {
    const problem = "price: has no rate that";
    expect(messages({ characters: 15 }, ["speech"])).toEqual([]);
    expect(messages({ input: 0.6, output: 12 }, ["speech"])).toEqual([]);
    expect(messages({ second: 0.0001 }, ["speech"])[0]).toStartWith(`${problem} speech is charged by`);
    expect(messages({ second: 0.0001 }, ["transcription", "translation"])).toEqual([]);
    expect(messages({ characters: 15 }, ["transcription"])[0]).toStartWith(`${problem} transcription`);
    expect(messages({ input: 0.1 }, ["rerank"])).toEqual([]);
    expect(messages({ input: 0.1 }, ["rerank", "chat"])[0]).toContain("has no rate for `output`");
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

  test("has a price of its own for longer prompts, hours, sizes and tiers", () => {
    const price = {
      ...{ input: 2.5, cachedInput: 0.25, output: 15, call: 0.1 },
      bands: [{ above: 272_000, input: 5, cachedInput: 0.5, output: 22.5 }],
      times: [
        {
          ...{ at: "sat,sun", input: 1, cachedInput: 0.1, output: 10 },
          bands: [{ above: 272_000, input: 2, cachedInput: 0.2, output: 20 }],
        },
      ],
      imageVariants: { "1024x1024/high": "0.167" },
      serviceTiers: { batch: 50 },
    };
    expect(messages(price)).toEqual([]);
    const shared = {
      call: 100_000n,
      imageVariants: { "1024x1024/high": 167_000n },
      serviceTiers: { batch: 50 },
    };
    expect(priceOf(price)).toEqual({
      kind: "timed",
      otherwise: {
        kind: "metered",
        ...{ input: 2_500_000n, cachedInput: 250_000n, output: 15_000_000n },
        bands: [{ above: 272_000, rates: { input: 5_000_000n, cachedInput: 500_000n, output: 22_500_000n } }],
        ...shared,
      },
      windows: [
        {
          days: [0, 6],
          hours: [{ from: 0, to: 1_440 }],
          price: {
            kind: "metered",
            ...{ input: 1_000_000n, cachedInput: 100_000n, output: 10_000_000n },
            bands: [
              { above: 272_000, rates: { input: 2_000_000n, cachedInput: 200_000n, output: 20_000_000n } },
            ],
            ...shared,
          },
        },
      ],
    } as unknown as ReturnType<typeof priceOf>); // amounts are branded
    expect(formatPrice(priceOf(price))).toBe(
      "2.5 in, 0.25 cached, 15 out, 0.1 each call, 0.167 each image 1024x1024/high, " +
        "above 272000 tokens 5 in, 0.5 cached, 22.5 out, 50 % as batch; " +
        "1 in, 0.1 cached, 10 out, 0.1 each call, 0.167 each image 1024x1024/high, " +
        "above 272000 tokens 2 in, 0.2 cached, 20 out, 50 % as batch at sun,sat 00:00-24:00",
    );
  });

  const base = { input: 1, output: 2 };
  test.each([
    [
      { ...base, cachedInput: 0.1, bands: [{ above: 5, ...base }] },
      "price.bands.0: has no rate for `cachedInput`, which the price has",
    ],
    [
      { ...base, bands: [5, 5].map((above) => ({ above, ...base })) },
      "price.bands.1.above: must be more than in the band before",
    ],
    [{ ...base, bands: [{ above: 0, ...base }] }, "price.bands.0.above: "],
    [{ ...base, bands: [] }, "price.bands: "],
    [{ ...base, bands: [{ above: 5, ...base, call: 1 }] }, "price.bands.0.call: is not a known field"],
    [{ ...base, times: [{ at: "mon-fri", input: 1 }] }, "price.times.0: has no rate for `output`"],
    [{ ...base, times: [{ at: "25:00-26:00", ...base }] }, "price.times.0.at: must be hours such as"],
    [{ ...base, times: [{ ...base }] }, "price.times.0.at: "],
    [
      { ...base, bands: [{ above: 5, ...base }], times: [{ at: "sat", ...base }] },
      "price.times.0: has no `bands`, which the price has",
    ],
    [
      { ...base, times: [{ at: "sat", ...base, reasoning: 1, thinkingOutput: 2 }] },
      "price.times.0.reasoning: is one of two ways",
    ],
    [{ ...base, reasoning: 1, thinkingOutput: 2 }, "price.reasoning: is one of two ways"],
    [{ ...base, serviceTiers: { batch: 0 } }, "price.serviceTiers.batch: "],
    [{ ...base, serviceTiers: { batch: 12.5 } }, "price.serviceTiers.batch: "],
    [{ imageVariants: { hd: 0 } }, "price: charges nothing"],
  ])("%j is refused where it is wrong", (price, message) => {
    expect(messages(price)[0]).toStartWith(message);
  });

  test("reads back for a person", () => {
    expect(formatPrice(priceOf({ input: 2, cachedInput: 0.2, output: 8 }))).toBe("2 in, 0.2 cached, 8 out");
    expect(formatPrice(priceOf({ input: 2 }))).toBe("2 in, 0 out");
    expect(formatPrice(priceOf({ image: 0.04 }))).toBe("0.04 each image");
    expect(formatPrice(priceOf("free"))).toBe("free");
    expect(formatPrice(undefined)).toBe("no price");
  });

  test("conversion refuses what was not checked", () => {
    const unchecked: CandidateInput["price"] = { input: "-3", output: 1 };
    expect(() => priceOf(unchecked)).toThrow("before it was checked");
  });
});
