import { expect, test } from "bun:test";
import { parseDetach } from "./detach.ts";

test.each([
  ["30s", 30_000],
  ["500ms", 500],
  ["0", 0],
  ["0s", 0],
  [0, 0],
  [1_500, 1_500],
  ["10m", 600_000],
])("%p is a time without a reader", (value, ms) => {
  expect(parseDetach(value)).toBe(ms);
});

test.each(["", "soon", "-1", -1, 1.5, "601s", Number.NaN, null, true, {}])("%p is none", (value) => {
  expect(parseDetach(value)).toBeUndefined();
});
