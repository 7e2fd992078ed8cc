import { describe, expect, test } from "bun:test";
import { Packr } from "msgpackr";
import { JSON_LEVELS, JSON_VALUES } from "../core/limits.ts";
import { TOO_DEEP, TOO_MANY } from "../core/nesting.ts";
import { seededRandom } from "../core/random.ts";
import { excessOfMsgpack } from "./msgpack-excess.ts";

const packr = new Packr({ useRecords: false, variableMapSize: true });
const filled = (bytes: number, byte: number, ...head: readonly number[]): Uint8Array => {
  const frame = new Uint8Array(bytes).fill(byte);
  frame.set(head);
  return frame;
};
const nested = (levels: number): unknown => {
  let value: unknown = "x".repeat(10_000);
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};

describe("a frame in MessagePack", () => {
  test("may nest so deep, and no level more", () => {
    expect(excessOfMsgpack(packr.pack(nested(JSON_LEVELS)))).toBeUndefined();
    expect(excessOfMsgpack(packr.pack(nested(JSON_LEVELS + 1)))).toBe(TOO_DEEP);
  });

  test.each([
    ["lists of one", filled(1_000_000, 0x91), TOO_DEEP],
    ["maps of one", filled(1_000_000, 0x81), TOO_DEEP],
    ["empty lists", filled(4_000_000, 0x90, 0xdd, 0, 0x3d, 0x09, 0), TOO_MANY],
    ["nothings behind the first value", filled(4_000_000, 0xc0), TOO_MANY],
    ["empty lists behind a reference", filled(4_000_000, 0x90, 0xd6, 0x69, 0, 0, 0, 1), TOO_MANY],
  ])("that is made of %s is refused before it is unpacked", (_, frame, excess) => {
    expect(excessOfMsgpack(frame)).toBe(excess);
  });

  test("may hold so many values, and not one more", () => {
    const ones = (count: number) => packr.pack(Array.from({ length: count - 1 }, () => 1));
    expect(excessOfMsgpack(ones(JSON_VALUES))).toBeUndefined();
    expect(excessOfMsgpack(ones(JSON_VALUES + 1))).toBe(TOO_MANY);
  });

  test("is stepped through value by value, of whatever kind these are", () => {
    const kinds = [
      ...[0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 33, -1, -32, -33, -129, -32_769, -(2 ** 33)],
      ...[1.5, Math.PI, true, false, null, "", "a", "b".repeat(31), "c".repeat(32), "d".repeat(70_000)],
      ...[[], {}, { a: 1 }, new Uint8Array(3), new Uint8Array(300), new Uint8Array(70_000), new Date(0)],
      ...[Array.from({ length: 20 }, () => 1), Array.from({ length: 70_000 }, () => 1)],
      Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`k${at}`, at])),
      Object.fromEntries(Array.from({ length: 70_000 }, (_, at) => [`k${at}`, at])),
    ];
    for (const kind of kinds) {
      // A step that went wrong would not meet the nesting behind it at its beginning.
      expect(excessOfMsgpack(packr.pack([kind, "x".repeat(10_000), nested(JSON_LEVELS)]))).toBe(TOO_DEEP);
      expect(
        excessOfMsgpack(packr.pack([kind, "x".repeat(10_000), nested(JSON_LEVELS - 1)])),
      ).toBeUndefined();
    }
  });

  test("that is none is left to the decoder", () => {
    const random = seededRandom(7);
    for (let run = 0; run < 200; run += 1) expect(() => excessOfMsgpack(random.bytes(9_000))).not.toThrow();
    for (const tag of [0xc6, 0xdb, 0xdd, 0xdf, 0xc9]) {
      expect(() => excessOfMsgpack(filled(9_000, 0xc0, tag, 0xff, 0xff, 0xff, 0xff))).not.toThrow();
      const cut = filled(9_000, 0xc0);
      cut[8_999] = tag;
      expect(excessOfMsgpack(cut)).toBeUndefined();
    }
  });
});
