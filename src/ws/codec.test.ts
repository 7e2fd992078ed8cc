import { describe, expect, test } from "bun:test";
import { Packr, pack, unpack } from "msgpackr";
import { jsonCodec, msgpackCodec } from "./codec.ts";
import type { ServerFrame } from "./protocol.ts";

const FRAME: ServerFrame = { type: "delta", id: "a", seq: 3, text: "ünï 😀" };

test("both encodings carry the same object, and nothing for what is absent", () => {
  expect(JSON.parse(String(jsonCodec.encode(FRAME)))).toEqual(FRAME);
  const bytes = msgpackCodec.encode(FRAME);
  if (typeof bytes === "string") throw new Error("MessagePack is not text");
  expect(unpack(bytes)).toEqual(FRAME);
  expect(Object.keys(unpack(bytes))).toEqual(["type", "id", "seq", "text"]);
});

describe("MessagePack from a client", () => {
  const decode = (...bytes: number[]): unknown => msgpackCodec.decode(Uint8Array.from(bytes));

  test("is read as JSON would be", () => {
    const frame = { type: "generate", id: "a", body: { n: 1, x: 1.5, no: null, yes: true, list: [1, "a"] } };
    expect(msgpackCodec.decode(new Packr({ useRecords: false }).pack(frame))).toEqual(frame);
    expect(decode(0xcf, 0, 0, 0, 1, 0, 0, 0, 0)).toBe(2 ** 32);
  });

  test.each([
    ["bytes that end early", [0xa5, 0x61]],
    ["bytes behind the value", [0x01, 0x02]],
    ["a list that claims to be huge", [0xdd, 0x7f, 0xff, 0xff, 0xff]],
    ["a date", [0xd6, 0xff, 0, 0, 0, 1]],
    ["bytes as a value", [0xc4, 1, 1]],
    ["undefined", [0xd4, 0, 0]],
    ["a number that is not finite", [0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0]],
    ["a value that holds itself", [0xd6, 0x69, 0, 0, 0, 1, 0x91, 0xd6, 0x70, 0, 0, 0, 1]],
    ["nesting without end", [...Array<number>(5_000).fill(0x91), 1]],
  ])("is refused with %s", (_what, bytes) => {
    expect(() => decode(...bytes)).toThrow();
  });

  test("is refused when references make few bytes stand for many values", () => {
    let value: unknown = [1];
    for (let level = 0; level < 30; level += 1) value = [value, value];
    const bytes = new Packr({ useRecords: false, structuredClone: true }).pack(value);
    expect(bytes.byteLength).toBeLessThan(1_000);
    expect(() => msgpackCodec.decode(bytes)).toThrow("values that refer to each other");
  });

  test("cannot leave a record definition behind for the next frame", () => {
    const record = new Packr().pack([{ a: 1 }, { a: 2 }]);
    expect(() => msgpackCodec.decode(record)).not.toThrow();
    expect(msgpackCodec.decode(pack(0x40))).toBe(0x40);
  });
});
