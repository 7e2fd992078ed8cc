import { expect, test } from "bun:test";
import type { GenerationEvent } from "../../core/generation.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import { openai } from "../openai/index.ts";
import { requestOf } from "../testing/fixtures.ts";
import { readAll } from "../testing/reading.ts";

const ROUNDS = 400;
const WORDS = [
  "a",
  "é",
  "你",
  "🍓",
  "\\",
  '"',
  "\n",
  "\u0000",
  "\ud83d",
  '"usage":{',
  "[DONE]",
  "data: ",
  "\r\n\r\n",
  " ",
];

const pick = <T>(random: Random, from: readonly T[], otherwise: T): T =>
  from[Math.floor(random.next() * from.length)] ?? otherwise;

/** A frame of random content in a random field, and the event that `JSON.parse` makes of it. */
function randomFrame(
  random: Random,
  newline: string,
): { readonly frame: string; readonly event: GenerationEvent | undefined } {
  const words = Array.from({ length: Math.floor(random.next() * 5) }, () => pick(random, WORDS, ""));
  // Through bytes and back: half a surrogate pair does not survive UTF-8.
  const text = Buffer.from(words.join("")).toString("utf8");
  const choice = pick(random, [0, 0, 1], 0);
  const kind = pick(random, ["text", "text", "text", "reasoning", "toolCall"] as const, "text");
  const deltas = {
    text: { content: text },
    reasoning: { reasoning_content: text },
    toolCall: { tool_calls: [{ index: 0, function: { arguments: text } }] },
  };
  const hidden = random.next() < 0.3 ? { obfuscation: "x".repeat(random.next() * 5) } : {};
  const chunk = {
    id: "1",
    choices: [{ index: choice, delta: deltas[kind], finish_reason: null }],
    usage: null,
    ...hidden,
  };
  const json = random.next() < 0.2 ? escaped(JSON.stringify(chunk)) : JSON.stringify(chunk);
  const call: GenerationEvent = { type: "toolCall", choice, call: 0, arguments: text };
  const event: GenerationEvent = kind === "toolCall" ? call : { type: kind, choice, text };
  return { frame: `data: ${json}${newline}${newline}`, event: text === "" ? undefined : event };
}

const escaped = (json: string): string =>
  json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

function randomPieces(random: Random, bytes: Uint8Array): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + Math.floor(random.next() * 600);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

test("frames that are recognised mean what parsing them would mean, whatever their content and split", () => {
  const random = seededRandom(20_261_123);
  for (let round = 0; round < ROUNDS; round += 1) {
    const newline = pick(random, ["\n", "\r\n"], "\n");
    const frames = Array.from({ length: 1 + Math.floor(random.next() * 14) }, () =>
      randomFrame(random, newline),
    );
    const bytes = Buffer.from(frames.map(({ frame }) => frame).join(""));
    const expected = frames.flatMap(({ event }) => (event === undefined ? [] : [event]));

    const parsing = openai.openStream(requestOf("chat", {}), "events");
    expect(readAll(parsing, randomPieces(random, bytes)).events).toEqual(expected);
    const passing = openai.openStream(requestOf("chat", {}), "passthrough");
    const passed = readAll(passing, randomPieces(random, bytes));
    expect(passed.events).toEqual([]);
    expect(Buffer.compare(Buffer.from(passed.bytes), bytes)).toBe(0);
    expect(passing.delivered).toEqual(parsing.delivered);
    expect(passing.delivered.frames).toBe(expected.length);
  }
});
