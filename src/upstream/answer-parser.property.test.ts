import { expect, test } from "bun:test";
import { type Random, seededRandom } from "../core/random.ts";
import { parse } from "./testing/parsed.ts";

/** Seeds a run; each is one answer, in many splits. */
const SEEDS = 1_500;

/** A whole number from 0 to `below` - 1. */
const upTo = (random: Random, below: number): number => Math.floor(random.next() * below);

function pick<Value>(random: Random, values: readonly [Value, ...Value[]]): Value {
  return values[upTo(random, values.length)] ?? values[0];
}

/** An answer that is right, and the body it has. */
function rightAnswer(random: Random): { readonly bytes: Buffer; readonly body: string } {
  const end = pick(random, ["\r\n", "\r\n", "\r\n", "\n"]);
  const fields = Array.from(
    { length: upTo(random, 5) },
    (_, at) => `x-${at}:${pick(random, [" a", "", "\tb c ", ` d${end} e`])}${end}`,
  ).join("");
  const interim = upTo(random, 4) === 0 ? `HTTP/1.1 103 Early${end}${fields}${end}` : "";
  const body = "0123456789\r\n\n\0ÿ".repeat(upTo(random, 20)).slice(upTo(random, 9));
  const start = `${interim}HTTP/1.1 200 OK${end}${fields}`;
  if (upTo(random, 2) === 0) {
    return { bytes: latin1(`${start}content-length: ${body.length}${end}${end}${body}`), body };
  }
  let chunks = "";
  for (let at = 0; at < body.length; ) {
    const size = Math.min(body.length - at, 1 + upTo(random, 30));
    const extension = pick(random, ["", "", ";a=b", " ; c"]);
    chunks += `${size.toString(16)}${extension}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  const trailers = pick(random, ["", "", "x-sum: 1\r\n"]);
  return {
    bytes: latin1(`${start}Transfer-Encoding: chunked${end}${end}${chunks}0\r\n${trailers}\r\n`),
    body,
  };
}

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

function mutated(random: Random, bytes: Buffer): Buffer {
  const at = upTo(random, bytes.length);
  const piece = latin1(
    pick(random, ["\r", "\n", "\r\n", "\0", " ", ":", ";", "0", "f", "\r\n\r\n", "content-length: 3\r\n"]),
  );
  const removed = upTo(random, 4);
  return Buffer.concat([
    bytes.subarray(0, at),
    ...(upTo(random, 2) ? [piece] : []),
    bytes.subarray(at + removed),
  ]);
}

function split(random: Random, bytes: Buffer): readonly Buffer[] {
  const pieces: Buffer[] = [];
  const longest = pick(random, [1, 3, 20, 500]);
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + upTo(random, longest);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

test("a right answer is read as it is, in any split, and what follows is left", () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = seededRandom(seed);
    const { bytes, body } = rightAnswer(random);
    const expected = { status: 200, body, end: "over", left: "HTTP/" };
    const all = Buffer.concat([bytes, latin1("HTTP/")]);
    for (const pieces of [[all], split(random, all), split(random, all)]) {
      expect({ seed, ...parse(pieces) }).toEqual({ seed, ...expected });
    }
  }
});

test("a wrong answer comes to the same in any split: an answer, one that does not end, or the typed error", () => {
  let refused = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = seededRandom(seed);
    let { bytes } = rightAnswer(random);
    for (let times = 1 + upTo(random, 3); times > 0; times -= 1) bytes = mutated(random, bytes);
    const whole = parse([bytes]);
    if (whole.end.includes("_")) refused += 1;
    for (let times = 0; times < 3; times += 1) {
      expect({ seed, ...parse(split(random, bytes)) }).toEqual({ seed, ...whole });
    }
  }
  expect(refused).toBeGreaterThan(SEEDS / 10);
});
