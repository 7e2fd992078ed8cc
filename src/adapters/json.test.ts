import { expect, test } from "bun:test";
import { parseGivenJson, parseJson } from "./json.ts";

test("what a client wrote within its body is read unless it is beyond measure", () => {
  const nested = (levels: number) => `{"a":${"[".repeat(levels)}"${"x".repeat(9_000)}"${"]".repeat(levels)}}`;
  expect(parseGivenJson(nested(3))).toEqual({ a: [[["x".repeat(9_000)]]] });
  expect(parseGivenJson(nested(40_000))).toBeUndefined();
  expect(parseJson(nested(600))).toBeDefined();
  expect(parseGivenJson("{")).toBeUndefined();
});

test("what a vendor wrote is no value where writing it out again would hold up everybody", () => {
  const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  const lists = (levels: number) => `{"a":1,"b":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  for (const nested of [objects, lists]) {
    expect(parseJson(nested(3_000))).toBeDefined();
    expect(parseJson(nested(200_000))).toBeUndefined();
  }
});
