import { describe, expect, test } from "bun:test";
import { JSON_LEVELS, JSON_VALUES } from "./limits.ts";
import { excessOf, excessOfText, TOO_DEEP, TOO_MANY } from "./nesting.ts";
import { seededRandom } from "./random.ts";

const MIB = 1024 * 1024;
const lists = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const objects = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
/** Long enough to be looked at, and nothing in itself. */
const long = (text: string) => `[${" ".repeat(10_000)}${text}]`;

describe("a JSON text", () => {
  test.each([
    ["lists", lists],
    ["objects", objects],
  ])("may nest %s so deep, and no level more", (_, nested) => {
    expect(excessOfText(long(nested(JSON_LEVELS - 1)))).toBeUndefined();
    expect(excessOfText(long(nested(JSON_LEVELS)))).toBe(TOO_DEEP);
  });

  test("may hold so many values, and not one more", () => {
    const ones = (count: number) => `[${"1,".repeat(count - 2)}1]`;
    expect(excessOfText(ones(JSON_VALUES))).toBeUndefined();
    expect(excessOfText(ones(JSON_VALUES + 1))).toBe(TOO_MANY);
    expect(excessOfText(`[${"[],".repeat(JSON_VALUES / 2)}1]`)).toBe(TOO_MANY);
  });

  test("is as wide as it likes with one level", () => {
    expect(excessOfText(`[${lists(1)}${`,${lists(3)}`.repeat(5_000)}]`)).toBeUndefined();
  });

  test.each(["[".repeat(32 * MIB), '{"a":'.repeat(6 * MIB), `{"a":${"[".repeat(32 * MIB)}`])(
    "that only opens is refused, whether it is JSON or not",
    (text) => {
      expect(excessOfText(text)).toBe(TOO_DEEP);
    },
  );

  test.each([
    ["brackets", "[".repeat(20_000)],
    ["quotes", '"'.repeat(20_000)],
    ["backslashes", "\\".repeat(20_000)],
    ["both", '\\"['.repeat(20_000)],
    ["both, the other way round", '"\\['.repeat(20_000)],
    ["signs of several bytes", "€[😀".repeat(20_000)],
    ["commas", ",".repeat(3 * MIB)],
  ])("that is a string of %s is one value, and what stands behind it is looked at", (_, content) => {
    const text = JSON.stringify(content);
    expect(excessOfText(text)).toBeUndefined();
    expect(excessOfText(JSON.stringify({ [content]: content, b: content }))).toBeUndefined();
    expect(excessOfText(`[${text},${lists(JSON_LEVELS)}]`)).toBe(TOO_DEEP);
  });

  test("ends its strings where the parser does, whatever is escaped and wherever", () => {
    for (let seed = 1; seed <= 400; seed += 1) {
      const random = seededRandom(seed);
      const signs = ['"', "\\", "[", "a".repeat(1 + Math.floor(random.next() * 90))];
      const said = () => signs[Math.floor(random.next() * signs.length)] ?? "";
      const text = JSON.stringify(Array.from({ length: 300 }, said).join(""));
      expect(excessOfText(long(`${text},${text}`))).toBeUndefined();
      expect(excessOfText(long(`${text},${lists(JSON_LEVELS)}`))).toBe(TOO_DEEP);
    }
  });

  test("that ends within a string is left to the parser", () => {
    expect(excessOfText(`[${" ".repeat(10_000)}"[[[`)).toBeUndefined();
    expect(excessOfText(`[${" ".repeat(10_000)}"\\`)).toBeUndefined();
  });

  test("that is short is not looked at", () => {
    expect(excessOf(Buffer.from(lists(4_000)))).toBeUndefined();
    expect(excessOf(Buffer.from(lists(5_000)))).toBe(TOO_DEEP);
  });
});
