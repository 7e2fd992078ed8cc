import { describe, expect, test } from "bun:test";
import { createResponseReader } from "./response-reader.ts";

const SIZED = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
const CHUNKED =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n12\r\n world, [DONE]\r\n\r\n\r\n0\r\n\r\n";

describe("an answer", () => {
  test.each([
    ["with a length", SIZED, "hello world"],
    ["in chunks", CHUNKED, "hello world, [DONE]\r\n\r\n"],
  ])("%s is read in pieces of any size", (_, wire, text) => {
    for (let size = 1; size <= wire.length; size += 1) {
      const reader = createResponseReader();
      reader.next(true);
      const bytes = Buffer.from(wire);
      const whole: boolean[] = [];
      for (let at = 0; at < bytes.length; at += size) whole.push(reader.push(bytes.subarray(at, at + size)));
      expect(whole.pop()).toBe(true);
      expect(whole).not.toContain(true);
      expect(reader).toMatchObject({ status: 200, text, tail: text.slice(-24) });
    }
  });

  test("without a body is whole with its head", () => {
    const reader = createResponseReader();
    reader.next(false);
    expect(reader.push(Buffer.from("HTTP/1.1 204 No Content\r\n\r\n"))).toBe(true);
    expect(reader).toMatchObject({ status: 204, hasBody: false });
  });
});
