import { expect, test } from "bun:test";
import { covers, hasWildcard, subjectToken } from "./subject.ts";

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

/** Reads a token back: no two ids may become the same one. */
function idOfToken(token: string): string {
  if (token === "~") return "";
  return token.replace(/~([0-9a-f]{1,6})~/g, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}

test.each(["acme", "a.b", "a b", "*", ">", "é😀", "", "~", "~2e~", "A-1_$"])(
  "the id %p survives being a token",
  (id) => {
    const token = subjectToken(id);
    expect(token).toMatch(/^[\w$~-]+$/);
    expect(idOfToken(token)).toBe(id);
  },
);
