import { describe, expect, test } from "bun:test";
import { AnswerParser } from "./answer-parser.ts";
import {
  MAX_CHUNK_LINE_BYTES,
  MAX_FIELDS,
  MAX_HEAD_BYTES,
  MAX_INTERIM,
  MAX_TRAILER_BYTES,
} from "./limits.ts";
import { parseText } from "./testing/parsed.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

describe("an answer is read", () => {
  test.each([
    ["with a length", `${OK}Content-Length: 5\r\n\r\nhello`, "hello"],
    ["with its length said twice", `${OK}content-length: 5\r\ncontent-length: 5, 5\r\n\r\nhello`, "hello"],
    ["without a reason", "HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello", "hello"],
    ["with lines that end with LF", "HTTP/1.1 200 OK\ncontent-length: 5\n\nhello", "hello"],
    ["with lines of both kinds", "HTTP/1.1 200 OK\r\ncontent-length: 5\nx: y\r\n\nhello", "hello"],
    ["with a folded field", `${OK}x: a\r\n\tcontent-length: 9\r\ncontent-length: 5\r\n\r\nhello`, "hello"],
    ["with a folded length", `${OK}content-length:\r\n 5\r\n\r\nhello`, "hello"],
    ["with empty values", `${OK}x:\r\ncontent-length: 5\r\n\r\nhello`, "hello"],
    ["in chunks", `${CHUNKED}5\r\nhello\r\n00c\r\n world, all \r\n0\r\n\r\n`, "hello world, all "],
    ["in chunks with white space", `${CHUNKED}5 \t\r\nhello\r\n0\r\n\r\n`, "hello"],
    ["in chunks with extensions", `${CHUNKED}5 ;a="b"\r\nhello\r\n0;x\r\n\r\n`, "hello"],
    ["with trailers", `${CHUNKED}5\r\nhello\r\n0\r\nx-a: b\r\nx-c: d\r\n\r\n`, "hello"],
    [
      "after interim ones",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nx: y\r\n\r\n${CHUNKED}0\r\n\r\n`,
      "",
    ],
    ["without a body by its status", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["without one though it names a length", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", ""],
    [
      "that refuses, though compressed",
      "HTTP/1.1 502 No\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\nxx",
      "xx",
    ],
    [
      "with a compression of nothing",
      `${OK}content-encoding: identity\r\ncontent-length: 5\r\n\r\nhello`,
      "hello",
    ],
  ])("%s", (_, text, body) => {
    expect(parseText(text)).toMatchObject({ body, end: "over", left: "" });
    expect(parseText(`${text}HTTP/1.1`)).toMatchObject({ body, end: "over", left: "HTTP/1.1" });
  });

  test("to the end of its connection when it says no length", () => {
    const parser = new AnswerParser();
    let body = "";
    parser.begin({ head() {}, body: (bytes) => (body += Buffer.from(bytes).toString()) });
    parser.push(Buffer.from(`${OK}\r\nhel`));
    parser.push(Buffer.from("lo"));
    expect(parser.isReading).toBe(true);
    expect([parser.close(), parser.isReading, body]).toEqual([true, false, "hello"]);
  });

  test("to no end when the connection's end comes before its own", () => {
    for (const text of ["HTTP/1.1 200", `${OK}content-length: 5\r\n\r\nhel`, `${CHUNKED}5\r\nhello\r\n`]) {
      const parser = new AnswerParser();
      parser.begin({ head() {}, body() {} });
      parser.push(Buffer.from(text));
      expect(parser.close()).toBe(false);
    }
  });
});

describe("an answer is refused", () => {
  const long = (length: number): string => "x".repeat(length);
  test.each([
    ["that is no HTTP", "SSH-2.0-OpenSSH_9\r\n\r\n", "malformed_answer"],
    ["of another version", "HTTP/2 200 OK\r\n\r\n", "malformed_answer"],
    ["with a status that is none", "HTTP/1.1 20 OK\r\n\r\n", "malformed_answer"],
    ["with an empty line before it", `\r\n${OK}\r\n`, "malformed_answer"],
    [
      "that changes the protocol",
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n",
      "malformed_answer",
    ],
    [
      "with a length and chunks",
      `${OK}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
      "malformed_answer",
    ],
    ["with two lengths", `${OK}content-length: 5\r\ncontent-length: 6\r\n\r\n`, "malformed_answer"],
    ["with two lengths in one field", `${OK}content-length: 5, 6\r\n\r\n`, "malformed_answer"],
    ["with a negative length", `${OK}content-length: -1\r\n\r\n`, "malformed_answer"],
    ["with a signed length", `${OK}content-length: +5\r\n\r\n`, "malformed_answer"],
    ["with a hexadecimal length", `${OK}content-length: 0x5\r\n\r\n`, "malformed_answer"],
    ["with an empty length", `${OK}content-length:\r\n\r\n`, "malformed_answer"],
    ["with a length beyond counting", `${OK}content-length: 9999999999999999\r\n\r\n`, "malformed_answer"],
    ["with an unknown coding", `${OK}transfer-encoding: gzip, chunked\r\n\r\n`, "malformed_answer"],
    [
      "chunked twice",
      `${OK}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`,
      "malformed_answer",
    ],
    ["chunked, of HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "malformed_answer"],
    ["that is compressed", `${OK}content-encoding: gzip\r\ncontent-length: 5\r\n\r\n`, "unexpected_encoding"],
    ["with white space before a colon", `${OK}content-length : 5\r\n\r\n`, "malformed_answer"],
    ["with a line without a colon", `${OK}content-length\r\n\r\n`, "malformed_answer"],
    ["with a nameless field", `${OK}: 5\r\n\r\n`, "malformed_answer"],
    ["with a fold before the first field", `${OK} x: 5\r\n\r\n`, "malformed_answer"],
    ["with a bare CR", `${OK}x: a\rcontent-length: 5\r\n\r\n`, "malformed_answer"],
    ["with a NUL", `${OK}x: a\0\r\n\r\n`, "malformed_answer"],
    ["with a chunk of no size", `${CHUNKED}\r\nhello`, "malformed_answer"],
    ["with a chunk of a wrong size", `${CHUNKED}5g\r\nhello`, "malformed_answer"],
    ["with a chunk of a negative size", `${CHUNKED}-5\r\nhello`, "malformed_answer"],
    ["with a chunk beyond counting", `${CHUNKED}${"f".repeat(14)}\r\n`, "malformed_answer"],
    ["with a size that LF ends", `${CHUNKED}5\nhello\r\n0\r\n\r\n`, "malformed_answer"],
    ["with two sizes on a line", `${CHUNKED}5 5\r\nhello`, "malformed_answer"],
    ["with a chunk longer than it says", `${CHUNKED}5\r\nhello!\r\n0\r\n\r\n`, "malformed_answer"],
    ["with a bare CR in a trailer", `${CHUNKED}0\r\nx: a\rb\r\n\r\n`, "malformed_answer"],
    ["with a head without end", OK + long(MAX_HEAD_BYTES), "oversized_head"],
    ["with a head that is too large", `${OK}x: ${long(MAX_HEAD_BYTES)}\r\n\r\n`, "oversized_head"],
    ["with too many fields", `${OK}${"x: y\r\n".repeat(MAX_FIELDS + 1)}\r\n`, "oversized_head"],
    ["with too many before it", "HTTP/1.1 100 Continue\r\n\r\n".repeat(MAX_INTERIM + 1), "oversized_head"],
    ["with a long extension", `${CHUNKED}5;${long(MAX_CHUNK_LINE_BYTES + 1)}`, "oversized_head"],
    [
      "with long trailers",
      `${CHUNKED}0\r\n${"x: y\r\n".repeat(MAX_TRAILER_BYTES / 6 + 1)}`,
      "oversized_head",
    ],
  ])("%s", (_, text, code) => {
    expect(parseText(text).end).toBe(code);
  });

  test("only after what came before the mistake", () => {
    expect(parseText(`${CHUNKED}5\r\nhello\r\nno\r\n`)).toMatchObject({
      status: 200,
      body: "hello",
      end: "malformed_answer",
    });
  });
});
