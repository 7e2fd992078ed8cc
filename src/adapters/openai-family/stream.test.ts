import { describe, expect, test } from "bun:test";
import type { GenerationEvent, JsonObject } from "../../core/generation.ts";
import { MAX_FRAME_BYTES } from "../../core/limits.ts";
import type { Adapter, StreamMode } from "../adapter.ts";
import { deepseek } from "../deepseek/index.ts";
import { openai } from "../openai/index.ts";
import { openaiCompatible } from "../openai-compatible/index.ts";
import { requestOf } from "../testing/fixtures.ts";
import { type Reading, readAll, summarize } from "../testing/reading.ts";

const chunk = (delta: JsonObject, more: JsonObject = {}, choice: JsonObject = {}): JsonObject => ({
  id: "1",
  object: "chat.completion.chunk",
  choices: [{ index: 0, delta, finish_reason: null, ...choice }],
  usage: null,
  ...more,
});
const frame = (value: JsonObject): string => `data: ${JSON.stringify(value)}\n\n`;
const content = (text: string): string => frame(chunk({ content: text }));

function read(
  text: string,
  mode: StreamMode = "passthrough",
  adapter: Adapter = openai,
): Reading & { shown: string } {
  const reading = readAll(adapter.openStream(requestOf("chat", {}), mode), [Buffer.from(text)]);
  return { ...reading, shown: Buffer.from(reading.bytes).toString("utf8") };
}

const types = (events: readonly GenerationEvent[]): readonly string[] => events.map((event) => event.type);

describe("bytes that pass through", () => {
  test("are the very bytes of the network, not a copy, while nothing has to go", () => {
    const reader = openai.openStream(requestOf("chat", {}), "passthrough");
    const network = Buffer.from(content("a") + content("b") + content("c"));
    const { bytes } = reader.push(network);
    expect(bytes?.buffer).toBe(network.buffer);
    expect(bytes).toHaveLength(network.length);
  });

  test("keep odd spacing and unknown fields as they came", () => {
    const odd = 'data:{ "choices" : [ {"index":0, "delta" : {"content" : "a"}, "x": {"y": [1.50]}} ] }\n\n';
    expect(read(odd + odd).shown).toBe(odd + odd);
  });

  test("leave out comments, ids, event names and extra empty lines", () => {
    const noisy = `: hello\n\n\n\nid: 1\nevent: x\n${content("a")}retry: 5\n\n: bye\n${content("b")}`;
    expect(read(noisy).shown).toBe(content("a") + content("b"));
  });

  test("join several data lines into one", () => {
    const shown = read('data: {"choices":[{"index":0,\ndata: "delta":{"content":"a"}}]}\n\n').shown;
    expect(shown).toBe('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n');
  });

  test("drop a byte order mark", () => {
    expect(read(`\uFEFF${content("a")}`).shown).toBe(content("a"));
  });

  test("lose only the usage of a finish chunk, wherever it stands in it", () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    const finish = chunk({}, { usage }, { finish_reason: "stop" });
    const nested = chunk({}, { x_groq: { usage } }, { finish_reason: "stop", usage });
    for (const value of [finish, nested]) {
      const { events, shown } = read(frame(value));
      expect(types(events)).toEqual(["finish", "usage"]);
      expect(JSON.parse(shown.slice(6))).toEqual(chunk({}, {}, { finish_reason: "stop" }));
    }
  });

  test("hold usage back though it is written with spaces", () => {
    const spaced = '{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}';
    const { events, shown } = read(`${content("a")}data: ${spaced}\n\n`);
    expect(types(events)).toEqual(["usage"]);
    expect(shown).toBe(content("a"));
  });

  test("are not fooled by content that looks like control", () => {
    const sly = content(
      '"usage":{"prompt_tokens":1},"finish_reason":"stop","error":{} data: [DONE]\n\ndata: [DONE]\n\n',
    );
    const { events, shown } = read(content("a") + sly + sly);
    expect(events).toEqual([]);
    expect(shown).toBe(content("a") + sly + sly);
  });

  test("stop at the end marker, whatever follows", () => {
    const { events, shown } = read(`${content("a")}data: [DONE]\n\n${content("b")}`);
    expect(events).toEqual([{ type: "end" }]);
    expect(shown).toBe(content("a"));
  });

  test("leave out objects without choices", () => {
    expect(read(`${frame({ object: "ping" })}${content("a")}`).shown).toBe(content("a"));
  });

  test("show OpenAI's word for a finish reason that only the vendor knows", () => {
    const { events, shown } = read(
      frame(chunk({}, {}, { finish_reason: "end_turn" })),
      "passthrough",
      openaiCompatible,
    );
    expect(events).toEqual([{ type: "finish", choice: 0, reason: "stop" }]);
    expect(shown).toContain('"finish_reason":"stop"');
  });
});

describe("the end of a stream", () => {
  test.each(["data: [DONE]\n\n", "data:[DONE]\r\n\r\n", "data: [DONE]\n", "data: [DONE]"])(
    "is %j",
    (marker) => {
      expect(read(content("a") + marker).events).toEqual([{ type: "end" }]);
    },
  );

  test.each(["", "data: [DON", "data: [DONE", ": [DONE]\n\n", "data: \n\n"])("is not %j", (rest) => {
    expect(read(content("a") + rest).events).toEqual([]);
  });

  test("an unfinished frame is dropped", () => {
    const reading = read(content("a") + content("b").slice(0, -1));
    expect(reading.shown).toBe(content("a"));
    expect(reading.events).toEqual([]);
  });
});

describe("a vendor that breaks", () => {
  test.each(["events", "passthrough"] as const)(
    "by interrupting inference is a failure after what it said (%s)",
    (mode) => {
      const last = chunk({ content: "b" }, {}, { finish_reason: "insufficient_system_resource" });
      const { events, shown } = read(`${content("a")}${frame(last)}data: [DONE]\n\n`, mode, deepseek);
      expect(summarize(events)).toMatchObject({
        hasEnded: false,
        finish: undefined,
        failure: { fault: "vendor" },
      });
      expect(events.at(-1)?.type).toBe("failure");
      if (mode === "passthrough") expect(shown).toBe(content("a") + content("b"));
    },
  );

  test.each(["<html>", '{"half":', "[1]", '"text"', "null"])("with the frame %j is a failure", (data) => {
    const { events, shown } = read(`${content("a")}data: ${data}\n\n${content("b")}`);
    expect(types(events)).toEqual(["failure"]);
    expect(shown).toBe(content("a"));
  });

  test("with a flat error object is a failure of the kind that it names", () => {
    const { events } = read(frame({ code: "invalid_api_key", message: "no", request_id: "1" }));
    expect(events).toMatchObject([{ type: "failure", failure: { fault: "key" } }]);
  });

  test("an error that is null is none", () => {
    const fine = frame(chunk({ content: "a" }, { error: null }));
    expect(read(fine)).toMatchObject({ events: [], shown: fine });
  });

  test("with a frame beyond the bound is a failure, split or not", () => {
    const giant = content("x".repeat(MAX_FRAME_BYTES));
    for (const pieces of [[giant], [giant.slice(0, 100), giant.slice(100, -10), giant.slice(-10)]]) {
      const reader = openai.openStream(requestOf("chat", {}), "passthrough");
      const { events } = readAll(reader, [
        Buffer.from(content("a")),
        ...pieces.map((piece) => Buffer.from(piece)),
      ]);
      expect(events).toMatchObject([{ type: "failure", failure: { vendorCode: "frame_too_large" } }]);
    }
  });

  test("a frame of 2 MB in small reads passes", () => {
    const big = Buffer.from(content("ü".repeat(1024 * 1024)));
    const reader = openai.openStream(requestOf("chat", {}), "passthrough");
    const pieces = Array.from({ length: Math.ceil(big.length / 16_384) }, (_, at) =>
      big.subarray(at * 16_384, (at + 1) * 16_384),
    );
    const { events, bytes } = readAll(reader, pieces);
    expect(events).toEqual([]);
    expect(Buffer.compare(Buffer.from(bytes), big)).toBe(0);
    expect(reader.delivered.chars).toBe(1024 * 1024);
  });
});

describe("what counts as content", () => {
  test.each([
    [chunk({ role: "assistant" }), false],
    [chunk({ role: "assistant", content: "" }), false],
    [chunk({ content: null, reasoning_content: "" }), false],
    [chunk({ content: "a" }), true],
    [chunk({ reasoning_content: "a" }), true],
    [chunk({ refusal: "a" }), true],
    [chunk({ tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: "" } }] }), true],
    [chunk({ tool_calls: [{ index: 0, id: "", function: { arguments: "" } }] }), false],
    [chunk({ function_call: { name: "f", arguments: "" } }), true],
    [chunk({ audio: { data: "AAAA" } }), true],
    [chunk({ content: [{ type: "text", text: "a" }] }), true],
    [chunk({}, {}, { finish_reason: "stop" }), false],
  ])("%j: %p", (value, expected) => {
    for (const mode of ["events", "passthrough"] as const) {
      expect(read(frame(value), mode).hasContent).toBe(expected);
    }
  });
});

describe("several choices", () => {
  test("keep their numbers and finish each once", () => {
    const at = (index: number, delta: JsonObject, finish: string | null = null): string =>
      frame(chunk(delta, {}, { index, finish_reason: finish }));
    const text =
      at(0, { content: "a" }) +
      at(1, { content: "b" }) +
      at(0, { content: "c" }) +
      at(1, {}, "length") +
      at(0, {}, "stop") +
      at(0, {}, "stop");
    expect(read(text, "events").events).toEqual([
      { type: "text", choice: 0, text: "a" },
      { type: "text", choice: 1, text: "b" },
      { type: "text", choice: 0, text: "c" },
      { type: "finish", choice: 1, reason: "length" },
      { type: "finish", choice: 0, reason: "stop" },
    ]);
  });
});

test("an answer has not more calls than are followed, whatever numbers they have", () => {
  const called = (index: number): string =>
    frame(chunk({ tool_calls: [{ index, id: `c${index}`, function: { name: "f" } }] }));
  const text = Array.from({ length: 4_097 }, (_, at) => called(at * 1_000_000)).join("");
  const { events } = read(text);
  expect(summarize(events).failure).toMatchObject({ vendorCode: "too_many_calls" });
  expect(summarize(read(text.slice(0, text.lastIndexOf("data:"))).events).failure).toBeUndefined();
});
