import { expect, test } from "bun:test";
import { covers, hasWildcard, idOfSubjectToken, subjectToken } from "./subject.ts";

test.each([
  ["a.b", "a.b", true],
  ["a.b", "a.c", false],
  ["a.*", "a.b", true],
  ["a.*", "a.b.c", false],
  ["a.>", "a.b.c", true],
  ["a.>", "a", false],
  [">", "a", true],
  ["*.b", "a.b", true],
  ["a.*.c", "a.b.c", true],
  ["a.b.c", "a.b", false],
])("%s covers %s: %p", (pattern, subject, expected) => {
  expect(covers(pattern, subject)).toBe(expected);
});

test("only whole tokens are wildcards", () => {
  expect(hasWildcard("a.*.b")).toBe(true);
  expect(hasWildcard("a.>")).toBe(true);
  expect(hasWildcard("a.b*")).toBe(false);
});

test.each(["acme", "a.b", "a b", "*", ">", "é😀", "", "~", "~2e~", "A-1_$"])(
  "the id %p survives being a token",
  (id) => {
    const token = subjectToken(id);
    expect(token).toMatch(/^[\w$~-]+$/);
    expect(idOfSubjectToken(token)).toBe(id);
  },
);
