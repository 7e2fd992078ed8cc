import { expect, test } from "bun:test";
import { matchesAny } from "./globs.ts";

test.each([
  ["*", "anything", true],
  ["gpt-*", "gpt-4o", true],
  ["gpt-*", "xgpt-4o", false],
  ["*-mini", "gpt-4o-mini", true],
  ["a*b*c", "aXXbYYc", true],
  ["a*b*c", "aXXcYYb", false],
  ["exact", "exact", true],
  ["exact", "exactly", false],
  ["a.c", "abc", false],
  ["", "", true],
])("the pattern %p and the text %p: %p", (pattern, text, expected) => {
  expect(matchesAny([pattern], text)).toBe(expected);
});

test("one of several patterns is enough, none matches nothing", () => {
  expect(matchesAny(["x", "y*"], "yes")).toBe(true);
  expect(matchesAny([], "yes")).toBe(false);
});
