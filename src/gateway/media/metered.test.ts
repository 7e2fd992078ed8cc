import { describe, expect, test } from "bun:test";
import { pictureRequest } from "../../adapters/testing/media-fixtures.ts";
import type { MadePicture } from "../../core/media.ts";
import { micropointsOf } from "../../core/points.ts";
import type { MeteredPrice } from "../../core/price.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { meteredAs, meterLost, meterPictures } from "./metered.ts";

const tariff: MeteredPrice = {
  kind: "metered",
  input: micropointsOf(0n),
  output: micropointsOf(0n),
  image: micropointsOf(100n),
  serviceTiers: { batch: 50 },
};
const byPicture = { tariff, mostTokens: 1_000, asked: 4 };
const made: MadePicture = { kind: "url", url: "https://a.test/1.png" };
const refused: MadePicture = { kind: "refused", code: "content_policy_violation", message: "no" };
const images = (count: number) => ({ ...NO_USAGE, images: count });

test.each([
  ["what is there, where the vendor does not say", [made, made], undefined, 200n, []],
  ["what the vendor says", [made], images(4), 400n, []],
  ["what was asked for, where the vendor counts more", [made], images(1e9), 400n, []],
  [
    "what was asked for, where the vendor made more",
    Array.from({ length: 9 }, () => made),
    undefined,
    400n,
    [],
  ],
  ["what is there, where the vendor counts those that it refused", [made, refused], images(2), 100n, []],
  ["nothing, where all were refused", [refused], undefined, 0n, []],
  ["what is there, where the vendor says nonsense", [made], images(-1), 100n, ["usage_implausible"]],
] as const)("pictures are charged: %s", (_, pictures, usage, cost, flags) => {
  const metered = meterPictures(byPicture, { pictures, usage });
  expect(metered).toMatchObject({ cost: micropointsOf(cost), flags: [...flags], isBillable: true });
});

describe("pictures that are priced by tokens", () => {
  const rates = { input: micropointsOf(1_000_000n), output: micropointsOf(2_000_000n) };
  const byTokens = { tariff: { kind: "metered", ...rates } as const, mostTokens: 1_000, asked: 4 };
  test.each([
    ["at what the vendor counted", { ...images(1), input: 10, imageOutput: 300 }, 610n, []],
    ["at their most, where the vendor does not say", undefined, 2_000n, ["usage_estimated"]],
    ["at their most, where it only says how many there are", images(1), 2_000n, ["usage_estimated"]],
    [
      "at their most, where it says nonsense",
      { ...images(1), input: -1 },
      2_000n,
      ["usage_implausible", "usage_estimated"],
    ],
  ] as const)("are charged %s", (_, usage, cost, flags) => {
    const metered = meterPictures(byTokens, { pictures: [made], usage });
    expect(metered).toMatchObject({ cost: micropointsOf(cost), flags: [...flags] });
  });

  test("are a loss at their most, and nothing where they are free", () => {
    expect(meterLost(byTokens, 3).cost).toBe(micropointsOf(6_000n));
    const free = { tariff: { kind: "free" } as const, mostTokens: 1_000, asked: 4 };
    expect(meterPictures(free, { pictures: [made], usage: undefined })).toMatchObject({
      cost: 0n,
      flags: [],
    });
  });
});

test("a batch's pictures cost what its tier does, and lost ones are nobody's to pay", () => {
  expect(meterPictures(byPicture, { pictures: [made, made], usage: undefined }, true).cost).toBe(
    micropointsOf(100n),
  );
  expect(meterLost(byPicture, 3)).toMatchObject({ cost: micropointsOf(300n), isBillable: false });
});

test("the hold counts words and pictures to work from, and every picture that is asked for", () => {
  const plain = meteredAs(pictureRequest({ prompt: "a cat" }));
  const worked = meteredAs(
    pictureRequest({ inputs: [{ kind: "url", url: "https://a.test/x.png" }], count: 4, prompt: "a cat" }),
  );
  expect(worked.promptTokens).toBeGreaterThan(plain.promptTokens + 1_000);
  expect([plain.choices, worked.choices]).toEqual([1, 4]);
});

test("what a lost call may have made besides is the platform's, and not part of what is charged", () => {
  const metered = meterPictures(byPicture, { pictures: [made, refused], usage: images(1), lost: 1 });
  expect(metered).toMatchObject({ cost: 100n, lost: 100n, isBillable: true });
  expect(meterPictures(byPicture, { pictures: [made], usage: images(1) }).lost).toBeUndefined();
});
