import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../core/random.ts";
import { deepseek } from "../deepseek/index.ts";
import { readFrames } from "../sse/event-stream.ts";
import { requestOf } from "../testing/fixtures.ts";
import { readAll } from "../testing/reading.ts";
import { reasoningIn } from "./carried-reasoning.ts";

const chunk = (delta: object, finish: string | null = null, index = 0) => ({
  ...{ id: "1", object: "chat.completion.chunk", created: 1, model: "m", system_fingerprint: "f" },
  choices: [{ index, delta, logprobs: null, finish_reason: finish }],
  usage: finish === null ? null : { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
});
const thought = (text: string, index = 0) => chunk({ content: null, reasoning_content: text }, null, index);
const CALL = chunk({
  tool_calls: [{ index: 0, id: "c", type: "function", function: { name: "f", arguments: "{}" } }],
});
const END = chunk({ content: "", reasoning_content: null }, "tool_calls");
const WORDS = ['I "must"', " look — ", "at\nit 🌧", "."];
const LOOKING = [...WORDS.map((word) => thought(word)), CALL, END];

function shown(chunks: readonly object[], body: object = { tools: [{}] }, seed?: number) {
  const frames = [...chunks.map((one) => JSON.stringify(one)), "[DONE]"];
  const bytes = Buffer.from(frames.map((frame) => `data: ${frame}\n\n`).join(""));
  const reader = deepseek.openStream(requestOf("chat", { ...body }, { stream: true }), "passthrough");
  const text = Buffer.from(
    readAll(reader, seed === undefined ? [bytes] : pieces(bytes, seed)).bytes,
  ).toString();
  return [...readFrames(text)].map(({ data }) => JSON.parse(data ?? ""));
}

function pieces(bytes: Uint8Array, seed: number): readonly Uint8Array[] {
  const random = seededRandom(seed);
  const cut: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + Math.floor(random.next() * 60);
    cut.push(bytes.subarray(at, at + length));
    at += length;
  }
  return cut;
}

describe("the reasoning that led to a tool call", () => {
  test("is said once more, whole, before the answer ends, wherever the bytes were split", () => {
    for (const seed of [undefined, 1, 2, 3]) {
      const chunks = shown(LOOKING, { tools: [{}] }, seed);
      expect(chunks).toHaveLength(LOOKING.length + 1);
      expect(chunks.at(-2)).toEqual({
        ...chunk({ reasoning_details: [{ type: "reasoning.text", text: WORDS.join("") }] }),
      });
      expect(reasoningIn(chunks.at(-2).choices[0].delta.reasoning_details)).toBe(WORDS.join(""));
      expect(chunks.at(-1).choices[0].finish_reason).toBe("tool_calls");
    }
  });

  test.each<[string, readonly object[], object]>([
    [
      "the answer has no calls",
      [...LOOKING.slice(0, 4), chunk({ content: "a" }), chunk({}, "stop")],
      { tools: [{}] },
    ],
    ["nothing was thought", [CALL, END], { tools: [{}] }],
    ["another choice thought", [thought("a", 1), CALL, END], { tools: [{}] }],
    ["there were no tools", LOOKING, {}],
    [
      "it is longer than anybody reads back",
      [thought("a".repeat(700_000)), thought("b".repeat(700_000)), CALL, END],
      { tools: [{}] },
    ],
  ])("is not, where %s", (_, chunks, body) => {
    const seen = shown(chunks, body);
    expect(seen).toHaveLength(chunks.length);
    expect(JSON.stringify(seen)).not.toContain("reasoning_details");
  });

  test("is nothing that is read as content", () => {
    const bytes = Buffer.from(LOOKING.map((one) => `data: ${JSON.stringify(one)}\n\n`).join(""));
    const request = requestOf("chat", { tools: [{}] }, { stream: true });
    const read = (mode: "events" | "passthrough") => {
      const reader = deepseek.openStream(request, mode);
      readAll(reader, [bytes]);
      return reader.delivered;
    };
    expect(read("passthrough")).toEqual(read("events"));
  });
});

test.each([
  [undefined, undefined],
  ["text", undefined],
  [[], undefined],
  [[{ type: "reasoning.encrypted", data: "x" }], undefined],
  [[{ type: "reasoning.text", text: "a" }, null, { type: "reasoning.text", text: "b" }], "ab"],
])("details %j hold the reasoning %j", (details, text) => {
  expect(reasoningIn(details)).toBe(text);
});
