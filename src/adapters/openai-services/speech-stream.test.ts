import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../core/random.ts";
import { openai } from "../openai/index.ts";
import { requestOf } from "../testing/fixtures.ts";

/** As recorded in September 2026: CRLF line ends, `[DONE]` behind the last event. */
const SOUND = Buffer.from(Array.from({ length: 3_000 }, (_, at) => (at * 7 + 255) % 256));
const event = (value: object): string => `data: ${JSON.stringify(value)}\r\n\r\n`;
const delta = (from: number, to: number): string =>
  event({ type: "speech.audio.delta", audio: SOUND.subarray(from, to).toString("base64") });
const DELTAS = delta(0, 1_000) + delta(1_000, 2_999) + delta(2_999, 3_000);
const DONE = event({
  type: "speech.audio.done",
  usage: { input_tokens: 14, output_tokens: 101, total_tokens: 115 },
});
const EVENTS = Buffer.from(`${DELTAS}${DONE}data: [DONE]\r\n\r\n`);
const SECRET = "sk-proj-very-secret-0123456789";

function read(bytes: Uint8Array, stream_format?: string, cuts: readonly number[] = []) {
  const request = requestOf("speech", { input: "Hello", voice: "alloy", stream_format }, { stream: true });
  const reader = openai.openStream(request, "passthrough", SECRET);
  const passages = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    passages.push(reader.push(bytes.subarray(from, to)));
    from = to;
  }
  passages.push(reader.close());
  return {
    bytes: Buffer.concat(passages.map(({ bytes: piece }) => piece ?? new Uint8Array())),
    closing: passages.map(({ closing }) => closing).find((piece) => piece !== undefined),
    events: passages.flatMap(({ events }) => events),
    hasContent: passages.some(({ hasContent }) => hasContent),
  };
}

const types = ({ events }: ReturnType<typeof read>): readonly string[] => events.map(({ type }) => type);

describe("sound alone", () => {
  test("passes as it came and is whole when its connection ends", () => {
    const whole = read(SOUND, undefined, [1, 5, 17, 1_500]);
    expect(whole.bytes.equals(SOUND)).toBe(true);
    expect(types(whole)).toEqual(["end"]);
  });

  test("shorter than what tells its kind passes too", () => {
    expect(read(SOUND.subarray(0, 3)).bytes.equals(SOUND.subarray(0, 3))).toBe(true);
  });

  test("of no bytes is no answer", () => {
    const nothing = read(new Uint8Array());
    expect([types(nothing), nothing.hasContent]).toEqual([[], false]);
  });

  test.each([
    ["an error", JSON.stringify({ error: { message: `Bad ${SECRET}`, type: "server_error", code: null } })],
    ["a page", "<!DOCTYPE html><html><body>502</body></html>"],
    ["an empty object", "{}"],
  ])("%s in its place is a failure without the key", (_, text) => {
    const failed = read(Buffer.from(text), undefined, [3]);
    expect([types(failed), failed.hasContent]).toEqual([["failure"], false]);
    expect(JSON.stringify(failed.events)).not.toContain(SECRET.slice(8, 20));
  });

  test("where events were asked for is a failure", () => {
    expect(types(read(SOUND, "sse"))).toEqual(["failure"]);
  });
});

describe("events", () => {
  test.each([undefined, "sse"])("of what is no sound are no content (%p)", (format) => {
    const events = ["!!!", "=", "\u0000"].map((audio) =>
      JSON.stringify({ type: "speech.audio.delta", audio }),
    );
    const end = JSON.stringify({ type: "speech.audio.done" });
    const text = [...events, end].map((data) => `data: ${data}\n\n`).join("");
    expect(read(Buffer.from(text), format).hasContent).toBe(false);
  });

  test("are the sound in them for a client that wants sound, wherever they are split", () => {
    const random = seededRandom(3);
    for (let round = 0; round < 20; round += 1) {
      const cuts = [...random.bytes(6)]
        .map((byte) => Math.floor((byte / 256) * EVENTS.length))
        .sort((a, b) => a - b);
      const whole = read(EVENTS, undefined, cuts);
      expect(whole.bytes.equals(SOUND)).toBe(true);
      expect(whole.events).toMatchObject([
        { type: "usage", usage: { input: 14, audioOutput: 101 } },
        { type: "end" },
      ]);
    }
  });

  test("pass as they came but for the last one, which is shown when the charge is known", () => {
    const whole = read(EVENTS, "sse", [20, 1_400]);
    expect(whole.bytes.toString()).toBe(DELTAS);
    expect(Buffer.from(whole.closing ?? []).toString()).toBe(DONE);
    expect(types(whole)).toEqual(["usage", "end"]);
  });

  test("that are cut after any byte have no end", () => {
    const upTo = DELTAS.length + DONE.length - 4;
    for (let at = 0; at < upTo; at += 13) {
      const cut = read(EVENTS.subarray(0, at), "sse");
      expect([at, types(cut).includes("end")]).toEqual([at, false]);
    }
  });

  test("end with the last one though its empty line is missing", () => {
    expect(types(read(EVENTS.subarray(0, DELTAS.length + DONE.length - 2), "sse"))).toEqual(["usage", "end"]);
  });

  test("that tell an error, or nonsense, fail", () => {
    const error = event({ type: "error", error: { message: "broke", type: "server_error" } });
    expect(types(read(Buffer.from(DELTAS + error), "sse"))).toEqual(["failure"]);
    expect(types(read(Buffer.from(`${DELTAS}data: {"type":\n\n`), "sse"))).toEqual(["failure"]);
  });

  test("with a usage that cannot be are without one", () => {
    const done = event({ type: "speech.audio.done", usage: { input_tokens: -1, output_tokens: 5 } });
    expect(types(read(Buffer.from(DELTAS + done), "sse"))).toEqual(["end"]);
  });
});
