import { expect, test } from "bun:test";
import { moreCells, recordOf } from "./cells-verdict.ts";

const NOISE = () => 2;

test("what makes up to three in a hundred more cells passes, what makes more is named with the types that grew", () => {
  const recorded = { answer: { Object: 100, string: 60, Promise: 40 } };
  expect(moreCells({ answer: { Object: 105, string: 61, Promise: 40 } }, recorded, NOISE)).toEqual([]);
  expect(
    moreCells({ answer: { Object: 104, string: 59, Function: 3, Promise: 41 } }, recorded, NOISE),
  ).toEqual([
    "answer: 207.00 cells; 200.00 are recorded, 206.00 the most. More of: Object 100.00 → 104.00, Function 0.00 → 3.00, Promise 40.00 → 41.00",
  ]);
});

test("where there are few cells, what a busy machine adds still passes", () => {
  const recorded = { token: { Uint8Array: 2, string: 1 } };
  const noise = () => 0.1;
  expect(moreCells({ token: { Uint8Array: 2.05, string: 1.05 } }, recorded, noise)).toEqual([]);
  expect(moreCells({ token: { Uint8Array: 2, string: 1, Object: 1 } }, recorded, noise)).toHaveLength(1);
});

test("fewer cells pass, whichever they are", () => {
  expect(moreCells({ answer: { Function: 80 } }, { answer: { Object: 100 } }, NOISE)).toEqual([]);
});

test("what was not measured, or never recorded, has not passed", () => {
  expect(moreCells({}, { answer: { Object: 1 } }, NOISE)).toEqual(["answer: cells not measured"]);
  expect(moreCells({ answer: {} }, { answer: { Object: 1 } }, NOISE)).toEqual(["answer: cells not measured"]);
  expect(moreCells({ answer: { Object: 1 } }, {}, NOISE)).toEqual(["answer: its cells are not recorded"]);
});

test("a record holds two decimals, types in order, and nothing that happens from time to time", () => {
  const record = recordOf({ string: 35.123, Object: 97.4567, Timeout: 0.01, Structure: -0.2 });
  expect(Object.entries(record)).toEqual([
    ["Object", 97.46],
    ["string", 35.12],
  ]);
});
