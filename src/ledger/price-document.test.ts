import { describe, expect, test } from "bun:test";
import { type PriceInput, priceOf } from "../config/prices.ts";
import { type PriceDocument, priceDocument, priceOfDocument } from "./price-document.ts";

const FORMS: readonly (readonly [string, PriceInput])[] = [
  ["free", "free"],
  ["two rates", { input: 0.8, output: 2 }],
  [
    "every class of token",
    {
      ...{
        input: 1,
        cachedInput: 0,
        cacheWrite: 2,
        cacheWriteLong: 3,
        audioInput: 4,
        imageInput: 5,
        output: 6,
      },
      ...{ reasoning: 7, audioOutput: 8, imageOutput: 9 },
    },
  ],
  [
    "bands, units and tiers",
    {
      ...{ input: 1, output: 2, thinkingOutput: 3, call: 0.000001, image: 4, second: 5, characters: 15 },
      bands: [
        { above: 32_000, input: 2, output: 3, thinkingOutput: 4 },
        { above: 128_000, input: 3, output: 4, thinkingOutput: 5 },
      ],
      imageVariants: { small: 1, "1024x1024/hd": 2 },
      serviceTiers: { flex: 50, batch: 50 },
    },
  ],
  [
    "hours with bands of their own",
    {
      ...{ input: 1, output: 2, bands: [{ above: 10, input: 2, output: 3 }] },
      times: [
        { at: "mon-fri 22:00-06:00", input: 3, output: 4, bands: [{ above: 10, input: 5, output: 6 }] },
        { at: "sun", input: 1, output: 1, bands: [{ above: 10, input: 1, output: 1 }] },
      ],
    },
  ],
];

describe("a price as a document", () => {
  test.each(FORMS)("is the same price when it is read back: %s", (_, input) => {
    const price = priceOf(input);
    const stored: PriceDocument = JSON.parse(JSON.stringify(priceDocument(price)));
    expect(priceOfDocument(stored)).toEqual(price);
    expect(priceDocument(priceOfDocument(stored) ?? { kind: "free" })).toEqual(priceDocument(price));
  });

  test("is the same text whatever order its names were given in", () => {
    const rates = { input: 1, output: 2 };
    const one = priceOf({ ...rates, imageVariants: { a: 1, b: 2 }, serviceTiers: { batch: 50, flex: 60 } });
    const other = priceOf({ ...rates, serviceTiers: { flex: 60, batch: 50 }, imageVariants: { b: 2, a: 1 } });
    expect(JSON.stringify(priceDocument(other))).toBe(JSON.stringify(priceDocument(one)));
  });

  test.each<[PriceDocument]>([
    [{}],
    [{ kind: "metered", input: "1" }],
    [{ kind: "auction", input: "1", output: "2" }],
    [{ kind: "timed", input: "1", output: "2", windows: [{ at: "someday", input: "1", output: "2" }] }],
    [{ kind: "metered", input: "1", output: "2", bands: [{ above: 5, input: "1" }] }],
  ])("%j is none that is known here", (document) => {
    expect(priceOfDocument(document)).toBeUndefined();
  });
});
