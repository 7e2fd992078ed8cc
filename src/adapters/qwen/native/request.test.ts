import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../../core/errors.ts";
import { ManualClock } from "../../../core/manual-clock.ts";
import { shaped } from "../../testing/shaped.ts";
import { createQwen } from "../index.ts";
import { createQwenNative } from "./adapter.ts";

const native = createQwenNative(new ManualClock());
const USER = { role: "user", content: "hi" };
const TOOLS = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];
const TEXT = "http://v/services/aigc/text-generation/generation";
const MULTIMODAL = "http://v/services/aigc/multimodal-generation/generation";

test.each([
  ["https://dashscope.aliyuncs.com/api/v1", `https://dashscope.aliyuncs.com/api/v1${TEXT.slice(8)}`],
  ["http://127.0.0.1:9101/api/v1", `http://127.0.0.1:9101/api/v1${TEXT.slice(8)}`],
  [
    "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions",
  ],
  ["http://127.0.0.1:9101/v1", "http://127.0.0.1:9101/v1/chat/completions"],
])("at %s the end of the address says which protocol is spoken", (baseUrl, url) => {
  const adapter = createQwen(new ManualClock()).protocolAt?.(baseUrl);
  if (adapter === undefined) throw new Error("it has no protocols");
  expect(shaped(adapter, {}, { baseUrl }).url).toBe(url);
});

describe("a chat in DashScope's own protocol", () => {
  test("has its messages in the input and everything else in the parameters", () => {
    const asked = {
      messages: [{ role: "developer", content: "be brief" }, USER],
      ...{ temperature: 2, top_p: 0.5, top_k: 20, max_completion_tokens: 9, seed: 3, stop: ["x"] },
      ...{ tools: TOOLS, tool_choice: "auto", parallel_tool_calls: false, frequency_penalty: 1 },
      ...{ enable_search: true, stream_options: { include_usage: true }, user: "u" },
    };
    const { body, dropped, url, headers } = shaped(native, asked, { model: "qwen-max" });
    expect(url).toBe(TEXT);
    expect(body).toEqual({
      model: "qwen-max",
      input: { messages: [{ role: "system", content: "be brief" }, USER] },
      parameters: {
        result_format: "message",
        ...{ temperature: 1.99, top_p: 0.5, top_k: 20, max_tokens: 9, seed: 3, stop: ["x"] },
        ...{ tools: TOOLS, tool_choice: "auto", parallel_tool_calls: false },
      },
    });
    expect(dropped).toEqual(["frequency_penalty", "enable_search", "user"]);
    expect(headers["x-dashscope-sse"]).toBeUndefined();
  });

  test("streams in pieces, by a header", () => {
    const { body, headers } = shaped(native, {}, { stream: true, model: "qwen-plus" });
    expect(body.parameters).toEqual({ result_format: "message", incremental_output: true });
    expect([headers["x-dashscope-sse"], headers.accept]).toEqual(["enable", "text/event-stream"]);
  });

  test("thinks as in the compatible mode, in a stream even where a whole answer was asked for", () => {
    const { body, headers } = shaped(native, { reasoning_effort: "low" }, { model: "qwen-plus" });
    expect(body.parameters).toEqual({
      ...{ result_format: "message", incremental_output: true },
      ...{ enable_thinking: true, thinking_budget: 2_048 },
    });
    expect(headers["x-dashscope-sse"]).toBe("enable");
  });

  test.each([
    ["qwen-plus", TEXT],
    ["qwen3-max", TEXT],
    ["qwen3.7-max", TEXT],
    ["qwen3-32b", TEXT],
    ["qwen3.5-plus", MULTIMODAL],
    ["qwen3.8-flash", MULTIMODAL],
    ["qwen3-vl-plus", MULTIMODAL],
    ["qvq-max", MULTIMODAL],
  ])("of %s is asked for at %s", (model, url) => {
    const call = shaped(native, {}, { model });
    expect(call.url).toBe(url);
    const content = url === TEXT ? "hi" : [{ text: "hi" }];
    expect(call.body.input).toEqual({ messages: [{ role: "user", content }] });
  });

  test("names each part by its kind where there are pictures or sound", () => {
    const cached = { cache_control: { type: "ephemeral" } };
    const messages = [
      { role: "system", content: "see" },
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "https://e.com/a.png", detail: "high" } },
          { type: "input_audio", input_audio: { data: "QUJD", format: "mp3" } },
          { type: "input_audio", input_audio: { data: "https://e.com/a.wav" } },
          { type: "video_url", video_url: { url: "https://e.com/a.mp4" } },
          { type: "text", text: "?", ...cached },
        ],
      },
      { role: "assistant", content: "", tool_calls: [{ id: "c", function: { name: "f", arguments: "{}" } }] },
      { role: "tool", tool_call_id: "c", content: "1" },
    ];
    const { body, url } = shaped(native, { messages }, { model: "qwen-plus" });
    expect(url).toBe(MULTIMODAL);
    expect(body.input).toEqual({
      messages: [
        { role: "system", content: [{ text: "see" }] },
        {
          role: "user",
          content: [
            { image: "https://e.com/a.png" },
            { audio: "data:audio/mp3;base64,QUJD" },
            { audio: "https://e.com/a.wav" },
            { video: "https://e.com/a.mp4" },
            { text: "?", ...cached },
          ],
        },
        { ...messages[2], content: [] },
        { role: "tool", tool_call_id: "c", content: [{ text: "1" }] },
      ],
    });
  });

  test("refuses content that it has no form for, and has no spoken answers", () => {
    const messages = [{ role: "user", content: [{ type: "file", file: { file_id: "f" } }] }];
    expect(() => shaped(native, { messages })).toThrow(SluiceError);
    const spoken = shaped(native, { modalities: ["text", "audio"], audio: { voice: "Cherry" } });
    expect(spoken.dropped).toEqual(["modalities", "audio"]);
    expect(spoken.body.parameters).toEqual({ result_format: "message" });
  });

  test("an answer that another vendor began is gone on with after its text", () => {
    const request = { messages: [USER, { role: "assistant", content: "Once", partial: true }] };
    expect(shaped(native, request, { model: "qwen-plus" }).body.input).toEqual(request);
  });
});

test("embeddings are asked for as texts, no more than the vendor takes", () => {
  const asked = { input: "a", dimensions: 64, encoding_format: "base64", user: "u" };
  const { body, url, dropped } = shaped(native, asked, { operation: "embedding" });
  expect(url).toBe("http://v/services/embeddings/text-embedding/text-embedding");
  expect(body).toEqual({ model: "m", input: { texts: ["a"] }, parameters: { dimension: 64 } });
  expect(dropped).toEqual(["user"]);
  const many = { input: Array.from({ length: 11 }, () => "a") };
  expect(() => shaped(native, many, { operation: "embedding" })).toThrow(SluiceError);
});
