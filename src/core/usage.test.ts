import { expect, test } from "bun:test";
import { isPlausible, NO_USAGE, USAGE_CLASSES } from "./usage.ts";

test("a usage is plausible while each of its classes is a count that a vendor could mean", () => {
  expect(isPlausible(NO_USAGE)).toBe(true);
  for (const name of USAGE_CLASSES) {
    expect(isPlausible({ ...NO_USAGE, [name]: 1e10 })).toBe(true);
    for (const wrong of [-1, 0.5, 1e10 + 1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(isPlausible({ ...NO_USAGE, [name]: wrong })).toBe(false);
    }
  }
});
