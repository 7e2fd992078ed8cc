import { expect, test } from "bun:test";
import { parseGivenJson, parseJson } from "./json.ts";

test("what a client wrote within its body is read unless it is beyond measure", () => {
  const nested = (levels: number) => `{"a":${"[".repeat(levels)}"${"x".repeat(9_000)}"${"]".repeat(levels)}}`;
  expect(parseGivenJson(nested(3))).toEqual({ a: [[["x".repeat(9_000)]]] });
  expect(parseGivenJson(nested(40_000))).toBeUndefined();
  expect(parseJson(nested(600))).toBeDefined();
  expect(parseGivenJson("{")).toBeUndefined();
});
