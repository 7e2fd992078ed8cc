import { expect, test } from "bun:test";
import { seededRandom } from "../core/random.ts";
import { brokenAt } from "./json-position.ts";

test.each([
  ["", 1, 1],
  ["{", 1, 2],
  ['{"a":}', 1, 6],
  ['{"a":1,}', 1, 8],
  ["{'a':1}", 1, 2],
  ["[1,2", 1, 5],
  ["[1 2]", 1, 4],
  ["[1}", 1, 3],
  ["01", 1, 2],
  ["1 1", 1, 3],
  ['{"a":tru}', 1, 6],
  ['{\n  "a": 1,\n  "b": nope\n}', 3, 8],
  ['["never ends', 1, 2],
  ['["line\nbreak"]', 1, 2],
  ['"\\x"', 1, 1],
  [",", 1, 1],
])("%j is broken at line %d, column %d", (text, line, column) => {
  expect(brokenAt(text)).toEqual({ line, column });
});

test("it finds fault with exactly what the parser refuses", () => {
  const random = seededRandom(7);
  const whole = JSON.stringify(
    { a: [1, -2.5e-3, true, null, { "": [] }], 'é\\"\n': "x😀\u2028", b: {} },
    null,
    1,
  );
  const signs = '{}[]:,"\\ \n0123eE+-.tfn';
  const pick = (): string => signs.charAt(Math.floor(random.next() * signs.length));
  let refused = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const at = Math.floor(random.next() * whole.length);
    const text = whole.slice(0, at) + (random.next() < 0.7 ? pick() : "") + whole.slice(at + (round % 3));
    const isRefused = isRefusedByParser(text);
    if (isRefused) refused += 1;
    expect([text, brokenAt(text) !== undefined]).toEqual([text, isRefused]);
  }
  expect(refused).toBeGreaterThan(5_000);
});

test("what is far behind is not looked for, and a long text does no harm", () => {
  expect(brokenAt(`["${"x".repeat(300_000)}" oops]`)).toBeUndefined();
  expect(brokenAt(`["${"\\n".repeat(100_000)}" oops]`)?.column).toBe(200_005);
  expect(brokenAt("[".repeat(400_000))).toBeUndefined();
});

function isRefusedByParser(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}
