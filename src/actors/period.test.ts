import { expect, test } from "bun:test";
import { periodAt } from "./period.ts";

const at = Date.UTC(2028, 1, 29, 23, 59, 59, 999);

test("a day and a month begin and end at midnight UTC, leap days included", () => {
  expect(periodAt("day", at)).toEqual({ start: Date.UTC(2028, 1, 29), end: Date.UTC(2028, 2, 1) });
  expect(periodAt("month", at)).toEqual({ start: Date.UTC(2028, 1), end: Date.UTC(2028, 2) });
  expect(periodAt("month", Date.UTC(2027, 11, 31))).toEqual({
    start: Date.UTC(2027, 11),
    end: Date.UTC(2028, 0),
  });
});

test("the last moment is in the old period, the next in the new one", () => {
  expect(periodAt("day", at + 1).start).toBe(Date.UTC(2028, 2, 1));
});

test("the total never ends", () => {
  expect(periodAt("total", at)).toEqual({ start: 0, end: Number.POSITIVE_INFINITY });
});
