import { describe, expect, test } from "bun:test";
import { readFrame, readFrames } from "./event-stream.ts";

describe("one frame", () => {
  test.each([
    ["data: a", "a", undefined, true],
    ["data:a", "a", undefined, true],
    ["data:  a", " a", undefined, true],
    ["data", "", undefined, true],
    ["data: a\r\n", "a", undefined, true],
    ["data: a\ndata: b", "a\nb", undefined, false],
    [": comment", undefined, undefined, false],
    [": comment\ndata: a", "a", undefined, false],
    ["id:1\nevent:result\n:HTTP_STATUS/200\ndata:{}", "{}", "result", false],
    ["database: a", undefined, undefined, false],
    ["retry: 10", undefined, undefined, false],
    ["event: x\r\ndata: a\r\n\r\n", "a", "x", false],
  ] as const)("%j holds the data %j", (frame, data, event, isPlain) => {
    expect(readFrame(frame)).toEqual({ data, event, isPlain });
  });
});

describe("many frames", () => {
  test("are found between empty lines of either kind, behind a byte order mark and extra empty lines", () => {
    const text = "\uFEFF\n\ndata: a\n\n\r\ndata: b\r\ndata: c\r\n\r\n: x\n\n";
    expect([...readFrames(text)].map((frame) => frame.data)).toEqual(["a", "b\nc", undefined]);
  });
});
