import { expect, test } from "bun:test";
import { seededRandom } from "../../core/random.ts";
import { GrowingObject } from "./growing-object.ts";

function wholeAfter(...pieces: readonly string[]): boolean {
  const object = new GrowingObject();
  for (const piece of pieces) object.add(piece);
  return object.isWhole;
}

test.each([
  "",
  " ",
  "{",
  '{"a":"}"',
  '{"a":"\\"}',
  "[1]",
  "5",
  '{"a"}',
  "{}}",
  "{} x",
  "}",
  "]{}",
  '{"a":1]',
])("%j is not a whole object", (text) => {
  expect(wholeAfter(text)).toBe(false);
  expect(wholeAfter(...text)).toBe(false);
});

test("is whole with its last bracket, in whatever pieces it comes, and no longer when more follows", () => {
  const random = seededRandom(7);
  const text = JSON.stringify({ a: ['}{"\\', { b: [[], {}, "é😀", -1.5e3, null] }], "{": "\u0000" });
  for (let round = 0; round < 200; round += 1) {
    const object = new GrowingObject();
    for (let at = 0; at < text.length; ) {
      expect(object.isWhole).toBe(false);
      const end = at + 1 + Math.floor(random.next() * 9);
      object.add(text.slice(at, end));
      at = end;
    }
    object.add(" \n");
    expect(object.isWhole).toBe(true);
    object.add("{}");
    expect(object.isWhole).toBe(false);
  }
});

test("is looked at once, however often it seems to end", () => {
  const object = new GrowingObject();
  for (let piece = 0; piece < 20_000; piece += 1) object.add(`{"a":"${"x".repeat(500)}}`);
  expect(object.isWhole).toBe(false);
});
