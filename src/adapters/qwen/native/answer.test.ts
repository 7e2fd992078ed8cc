import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../../core/manual-clock.ts";
import { requestOf } from "../../testing/fixtures.ts";
import { readAll, summarize } from "../../testing/reading.ts";
import { createQwenNative } from "./adapter.ts";

const native = createQwenNative(new ManualClock());
const chat = (choices = 1) => requestOf("chat", { messages: [] }, { choices });
const SECRET = "sk-0123456789abcdef";

const piece = (message: object, finish: string | null = "null", more: object = {}) => ({
  output: { choices: [{ message, finish_reason: finish, ...more }] },
  usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
  request_id: "r",
});
const stream = (...events: readonly object[]): Uint8Array =>
  Buffer.from(
    events.map((event, at) => `id:${at + 1}\nevent:result\ndata:${JSON.stringify(event)}\n\n`).join(""),
  );
const whole = (body: object | Uint8Array, request = chat()) =>
  native.readAnswer(request, body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body)), SECRET);

describe("a whole answer", () => {
  test("that came as a stream, for its thinking, is put together", () => {
    const events = [
      piece({ reasoning_content: "Hm", content: "" }),
      piece({ content: "Yes" }),
      piece({ content: "" }, "stop"),
    ];
    expect(whole(stream(...events))).toMatchObject({
      ok: true,
      finishReasons: ["stop"],
      usage: { input: 3, output: 2 },
      parsed: { id: "r", choices: [{ message: { content: "Yes", reasoning_content: "Hm" } }] },
    });
  });

  test.each([
    ["a stream that was cut", stream(piece({ content: "Yes" }))],
    ["an answer that has not ended", piece({ content: "Yes" })],
    ["an answer in the form of older models", { output: { text: "Yes", finish_reason: "stop" } }],
  ])("of which only a part came is none: %s", (_, body) => {
    const answer = whole(body);
    expect(answer.ok ? "ok" : answer.failure.fault).toBe("vendor");
  });

  test("has as many choices as were asked for", () => {
    const choice = (index: number) => ({ index, message: { content: `${index}` }, finish_reason: "stop" });
    const answer = whole({ output: { choices: [choice(0), choice(1)] } }, chat(2));
    expect(answer).toMatchObject({ ok: true, finishReasons: ["stop", "stop"], usage: undefined });
  });

  test("hands on how likely its tokens were", () => {
    const logprobs = { content: [{ token: "Yes", logprob: -0.1, bytes: null, top_logprobs: [] }] };
    const answer = whole(piece({ content: "Yes" }, "stop", { logprobs }));
    expect(answer.ok && answer.parsed).toMatchObject({ choices: [{ logprobs }] });
  });

  test("with an empty code is no error, one with a code is", () => {
    expect(whole({ ...piece({ content: "a" }, "stop"), code: "", message: "" }).ok).toBe(true);
    const refused = whole({ code: "DataInspectionFailed", message: `no ${SECRET}`, request_id: "r" });
    expect(refused).toMatchObject({
      ok: false,
      failure: { fault: "request", code: "content_policy_violation", message: "no ***" },
    });
  });
});

test("a stream of several choices is whole when each of them has ended", () => {
  const of = (index: number, finish: string) => piece({ content: "a" }, finish, { index });
  const read = (...events: readonly object[]) =>
    summarize(readAll(native.openStream(chat(2), "events"), [stream(...events)]).events).hasEnded;
  expect(read(of(0, "stop"), of(1, "null"))).toBe(false);
  expect(read(of(0, "stop"), of(1, "length"))).toBe(true);
});

test("is not whole at the end of a choice that nobody asked for", () => {
  const of = (index: number, finish: string) => piece({ content: "a" }, finish, { index });
  const { events } = readAll(native.openStream(chat(), "events"), [stream(of(0, "null"), of(7, "stop"))]);
  expect(summarize(events).hasEnded).toBe(false);
  expect(events.filter(({ type }) => type === "text")).toHaveLength(1);
});

test("calls are counted here, whatever numbers the vendor gives them, and there are not too many", () => {
  const called = (index: number) => ({ index, id: `c${index}`, function: { name: "f", arguments: "{}" } });
  // As many places as this would take minutes to look through.
  const tool_calls = [called(4_294_967_294), called(-1), called(0.5)];
  const answer = whole(piece({ content: "", tool_calls }, "tool_calls"));
  expect(answer.ok && answer.parsed).toMatchObject({
    choices: [{ message: { tool_calls: tool_calls.map(({ id }) => ({ id })) } }],
  });
  const many = Array.from({ length: 1_025 }, (_, index) => called(index));
  expect(whole(piece({ content: "", tool_calls: many }, "tool_calls")).ok).toBe(false);
});

test.each([
  ["an event that is no object", "data:[1]"],
  ["an event without output", 'data:{"request_id":"r"}'],
])("a stream fails at %s", (_, frame) => {
  const { events } = readAll(native.openStream(chat(), "events"), [Buffer.from(`${frame}\n\n`)]);
  expect(events.map(({ type }) => type)).toEqual(["failure"]);
});

test.each([
  [
    { input_tokens: 20, output_tokens: 5, prompt_tokens_details: { cached_tokens: 8 } },
    { input: 12, cachedInput: 8, output: 5 },
  ],
  [
    { input_tokens: 20, output_tokens: 5, input_tokens_details: { text_tokens: 14, audio_tokens: 6 } },
    { input: 14, audioInput: 6, output: 5 },
  ],
  [
    { input_tokens: 20, output_tokens: 5, image_tokens: 15 },
    { input: 5, imageInput: 15, output: 5 },
  ],
  [
    { input_tokens: 20, output_tokens: 5, prompt_tokens_details: { cache_creation_input_tokens: 9 } },
    { input: 11, cacheWrite: 9, output: 5 },
  ],
])("usage %j is %j", (usage, expected) => {
  const answer = whole({ ...piece({ content: "a" }, "stop"), usage });
  expect(answer.ok && answer.usage).toMatchObject(expected);
});

test("an embedding whose vectors do not fit its texts is none", () => {
  const request = requestOf("embedding", { input: ["a", "b"] });
  const one = { output: { embeddings: [{ embedding: [1], text_index: 0 }] }, usage: { total_tokens: 2 } };
  const answer = native.readAnswer(request, Buffer.from(JSON.stringify(one)));
  expect(answer.ok ? "ok" : answer.failure.vendorCode).toBe("no_result");
});
