import { expect, test } from "bun:test";
import { leastOf, regressions } from "./cpu-verdict.ts";

test("what costs up to half as much again passes, what costs more is named", () => {
  const recorded = { answer: 2, stream: 3 };
  expect(regressions({ answer: 3, stream: 1 }, recorded)).toEqual([]);
  expect(regressions({ answer: 3.01, stream: 4.6 }, recorded)).toEqual([
    "answer: 3.01 times a pass-through's CPU; 2.00 is recorded, 3.00 the most",
    "stream: 4.60 times a pass-through's CPU; 3.00 is recorded, 4.50 the most",
  ]);
});

test("what was not measured has not passed", () => {
  const recorded = { answer: 2 };
  for (const measured of [{}, { answer: Number.NaN }, { answer: leastOf([]) }]) {
    expect(regressions(measured, recorded)).toEqual(["answer: not measured"]);
  }
});

test("what was never recorded has not passed", () => {
  expect(regressions({ answer: 2 }, {})).toEqual(["answer: its CPU is not recorded"]);
});

test("a round that was disturbed does not count", () => {
  expect(leastOf([9, 2, 40])).toBe(2);
});
