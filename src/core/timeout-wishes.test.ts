import { expect, test } from "bun:test";
import { DEFAULT_TIMEOUTS } from "./catalog.ts";
import { parseTimeout, shortened } from "./timeout-wishes.ts";

test("a length of time is one with its unit, or milliseconds", () => {
  expect(["2s", "500ms", "750", 750, "1.5s"].map(parseTimeout)).toEqual([2_000, 500, 750, 750, 1_500]);
  for (const wrong of ["", "0", "0s", "-1", "soon", "1e3", "1w", 1.5, -5, null, {}, "9".repeat(30)])
    expect(parseTimeout(wrong)).toBeUndefined();
});

test("clocks are made shorter, never longer; the total counts from the request's beginning", () => {
  const own = { ...DEFAULT_TIMEOUTS, firstTokenMs: 1_000, totalMs: 5_000 };
  expect(shortened(own, undefined, 100)).toBe(own);
  expect(shortened(own, { firstTokenMs: 9_000, idleMs: 50, totalMs: 3_000 }, 1_000)).toEqual({
    ...own,
    idleMs: 50,
    totalMs: 2_000,
  });
  expect(shortened(own, { totalMs: 500 }, 1_000).totalMs).toBe(0);
});
