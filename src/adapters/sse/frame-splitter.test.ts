import { describe, expect, test } from "bun:test";
import { createFrameSplitter } from "./frame-splitter.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (block: Uint8Array | undefined): string | undefined =>
  block === undefined ? undefined : Buffer.from(block).toString("utf8");

describe("the frame splitter", () => {
  test("hands on whole frames without a copy and keeps the rest", () => {
    const splitter = createFrameSplitter();
    const chunk = bytes("data: a\n\ndata: b\n\ndata: c");
    const block = splitter.push(chunk);
    expect(text(block)).toBe("data: a\n\ndata: b\n\n");
    expect(block?.buffer).toBe(chunk.buffer);
    expect(text(splitter.rest())).toBe("data: c");
    expect(text(splitter.push(bytes("\n\n")))).toBe("data: c\n\n");
    expect(splitter.rest()).toHaveLength(0);
  });

  test.each(["\n\n", "\r\n\r\n", "\n\r\n", "\r\n\n"])(
    "finds the frame end %j wherever it is split",
    (end) => {
      for (let at = 0; at <= end.length; at += 1) {
        const splitter = createFrameSplitter();
        const first = splitter.push(bytes(`data: ü${end.slice(0, at)}`));
        const second = splitter.push(bytes(end.slice(at)));
        expect((text(first) ?? "") + (text(second) ?? "")).toBe(`data: ü${end}`);
      }
    },
  );

  test("finds the frame end one byte at a time", () => {
    const splitter = createFrameSplitter();
    const found = [...bytes("data: 你\r\n\r\ndata: b\n\n")].map((byte) =>
      text(splitter.push(Uint8Array.of(byte))),
    );
    expect(found.filter((block) => block !== undefined)).toEqual(["data: 你\r\n\r\n", "data: b\n\n"]);
  });

  test("a lone carriage return is no line end", () => {
    const splitter = createFrameSplitter();
    expect(splitter.push(bytes("data: a\r\rdata: b\n"))).toBeUndefined();
  });

  test("what is held does not change when the network buffer is used again", () => {
    const splitter = createFrameSplitter();
    const buffer = bytes("data: a");
    splitter.push(buffer);
    buffer.fill(0);
    expect(text(splitter.push(bytes("\n\n")))).toBe("data: a\n\n");
  });

  test("a frame beyond the bound is given up", () => {
    const splitter = createFrameSplitter(16);
    splitter.push(bytes("data: 0123456789"));
    expect(splitter.isOverflown).toBe(false);
    splitter.push(bytes("x"));
    expect(splitter.isOverflown).toBe(true);
    expect(splitter.push(bytes("\n\n"))).toBeUndefined();
  });
});
