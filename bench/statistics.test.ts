import { describe, expect, test } from "bun:test";
import { percentilesOf, spreadOf } from "./statistics.ts";

describe("percentiles", () => {
  test("are values that were measured", () => {
    const values = Array.from({ length: 1000 }, (_, at) => 1000 - at);
    expect(percentilesOf(values)).toEqual({ p50: 500, p90: 900, p99: 990, p999: 999, max: 1000 });
  });

  test("of one value are that value, of none zero", () => {
    expect(percentilesOf([7])).toEqual({ p50: 7, p90: 7, p99: 7, p999: 7, max: 7 });
    expect(percentilesOf([])).toEqual({ p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });
  });
});

describe("a spread", () => {
  test("has the middle and both ends", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, least: 1, greatest: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, least: 1, greatest: 4 });
  });
});
