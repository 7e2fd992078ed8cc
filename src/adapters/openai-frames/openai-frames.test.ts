import { describe, expect, test } from "bun:test";
import { NO_USAGE } from "../../core/usage.ts";
import { readFrames } from "../sse/event-stream.ts";
import { createChunkFrames } from "./chunk-frames.ts";
import { completionBody } from "./completion-body.ts";
import type { Shown } from "./shown.ts";

const NAMES = { id: "a1", created: 7, model: "m" };
const ANSWER: readonly Shown[] = [
  { type: "reasoning", choice: 0, text: "hm" },
  { type: "text", choice: 0, text: "é" },
  { type: "toolCall", choice: 0, call: 0, id: "c1", name: "f", arguments: "" },
  { type: "toolCall", choice: 0, call: 0, arguments: "{}" },
  { type: "extension", choice: 0, call: 0, fields: { extra: 1 } },
  { type: "extension", choice: 0, fields: { sealed: [2] } },
  { type: "finish", choice: 0, reason: "tool_calls" },
  { type: "usage", usage: { ...NO_USAGE, input: 3, cachedInput: 2, cacheWrite: 1, output: 4, reasoning: 5 } },
  { type: "end" },
];

function chunksOf(shown: readonly Shown[]): unknown[] {
  const bytes = createChunkFrames(NAMES).encode(shown);
  const frames = [...readFrames(Buffer.from(bytes ?? []).toString("utf8"))];
  return frames.map(({ data }) => JSON.parse(data ?? ""));
}

describe("events as OpenAI chunks", () => {
  test("open each choice once, and leave usage and the end to the front", () => {
    const chunks = chunksOf([...ANSWER, { type: "text", choice: 1, text: "b" }]);
    const choice = (delta: object, finish: string | null = null, index = 0) => ({
      ...{ id: "a1", object: "chat.completion.chunk", created: 7, model: "m" },
      choices: [{ index, delta, logprobs: null, finish_reason: finish }],
    });
    expect(chunks).toEqual([
      choice({ role: "assistant", content: "", reasoning_content: "hm" }),
      choice({ content: "é" }),
      choice({
        tool_calls: [{ index: 0, id: "c1", type: "function", function: { name: "f", arguments: "" } }],
      }),
      choice({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }),
      choice({ tool_calls: [{ index: 0, extra: 1 }] }),
      choice({ sealed: [2] }),
      choice({}, "tool_calls"),
      choice({ role: "assistant", content: "b" }, null, 1),
    ]);
  });

  test("that a client sees nothing of are no bytes at all", () => {
    expect(createChunkFrames(NAMES).encode([{ type: "end" }])).toBeUndefined();
  });
});

describe("events as a chat.completion body", () => {
  test("are as quickly told where a call has a high number", () => {
    const { body } = completionBody(NAMES, [
      { type: "toolCall", choice: 0, call: 4_294_967_294, id: "late", arguments: "{}" },
      { type: "toolCall", choice: 0, call: 3, id: "early", arguments: "{}" },
      { type: "finish", choice: 0, reason: "tool_calls" },
    ]);
    expect(body).toMatchObject({ choices: [{ message: { tool_calls: [{ id: "early" }, { id: "late" }] } }] });
  });

  test("hold everything that the stream would have said", () => {
    const { body, finishReasons, usage, outputChars } = completionBody(NAMES, ANSWER);
    const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" }, extra: 1 };
    expect(body).toEqual({
      id: "a1",
      object: "chat.completion",
      created: 7,
      model: "m",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: "é",
            refusal: null,
            reasoning_content: "hm",
            sealed: [2],
            tool_calls: [call],
          },
          logprobs: null,
          finish_reason: "tool_calls",
        },
      ],
      usage: {
        prompt_tokens: 6,
        completion_tokens: 9,
        total_tokens: 15,
        prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 1 },
        completion_tokens_details: { reasoning_tokens: 5 },
      },
    });
    expect(finishReasons).toEqual(["tool_calls"]);
    expect(usage?.input).toBe(3);
    expect(outputChars).toBe("hm".length + "é".length + "f{}".length);
  });

  test("tell tokens of sound and both lifetimes of a cache where there are any", () => {
    const told = {
      ...NO_USAGE,
      input: 3,
      cacheWrite: 1,
      cacheWriteLong: 2,
      audioInput: 4,
      output: 5,
      audioOutput: 6,
    };
    expect(completionBody(NAMES, [{ type: "usage", usage: told }]).body.usage).toEqual({
      prompt_tokens: 10,
      completion_tokens: 11,
      total_tokens: 21,
      prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 3, audio_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 6 },
    });
  });

  test("without text is null beside calls, else an empty text; without usage it has none", () => {
    const message = (shown: readonly Shown[]) => completionBody(NAMES, shown).body;
    expect(message([{ type: "finish", choice: 0, reason: "stop" }])).toMatchObject({
      choices: [{ message: { content: "" }, finish_reason: "stop" }],
    });
    const called = message([{ type: "toolCall", choice: 0, call: 0, id: "c", name: "f", arguments: "{}" }]);
    expect(called).toMatchObject({ choices: [{ message: { content: null }, finish_reason: null }] });
    expect(called.usage).toBeUndefined();
  });
});
