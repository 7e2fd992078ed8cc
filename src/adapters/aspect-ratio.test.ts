import { expect, test } from "bun:test";
import { aspectRatioOf, nearestRatio } from "./aspect-ratio.ts";

test("a size's shape is told in smallest numbers", () => {
  expect(aspectRatioOf({ width: 1920, height: 1080 })).toBe("16:9");
  expect(aspectRatioOf({ width: 1024, height: 1024 })).toBe("1:1");
  expect(aspectRatioOf({ width: 7, height: 13 })).toBe("7:13");
});

test("the nearest shape is the least distorted one, upright as across", () => {
  const ratios = ["1:1", "4:3", "3:4", "16:9", "9:16"] as const;
  expect(nearestRatio({ width: 1536, height: 1024 }, ratios)).toBe("4:3");
  expect(nearestRatio({ width: 1024, height: 1792 }, ratios)).toBe("9:16");
  expect(nearestRatio({ width: 1000, height: 1010 }, ratios)).toBe("1:1");
});
