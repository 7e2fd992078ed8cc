import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { shaped } from "../testing/shaped.ts";
import { qwen } from "./index.ts";

const USER = { role: "user", content: "hi" };
const TOOLS = [{ type: "function", function: { name: "f" } }];

describe("a request to Qwen", () => {
  test("holds only fields that Qwen knows; the others are named", () => {
    const { body, dropped } = shaped(qwen, {
      frequency_penalty: 0.5,
      logit_bias: {},
      user: "u",
      store: false,
      metadata: {},
      service_tier: "priority",
      brand_new: 1,
      stop: null,
      // Paid by the call.
      enable_search: true,
      search_options: { forced_search: true },
      top_k: 20,
      repetition_penalty: 1.1,
    });
    expect(body).toEqual({
      model: "m",
      messages: [USER],
      top_k: 20,
      repetition_penalty: 1.1,
    });
    expect(dropped).toEqual([
      "frequency_penalty",
      "logit_bias",
      "user",
      "metadata",
      "service_tier",
      "brand_new",
      "enable_search",
      "search_options",
    ]);
    expect(shaped(qwen, { enable_search: false }).dropped).toEqual([]);
  });

  test.each([
    [{ max_completion_tokens: 9 }, { max_tokens: 9 }, []],
    [{ temperature: 2 }, { temperature: 1.99 }, []],
    [{ temperature: 0 }, { temperature: 0 }, []],
    [{ top_p: 1 }, {}, []],
    [{ top_p: 0 }, {}, ["top_p"]],
    [{ logprobs: true, top_logprobs: 20 }, { logprobs: true, top_logprobs: 5 }, ["top_logprobs"]],
    [
      { tools: TOOLS, tool_choice: "required" },
      { tools: TOOLS, tool_choice: "auto" },
      ["tool_choice.required"],
    ],
    [{ tools: TOOLS, n: 2 }, { tools: TOOLS }, ["n"]],
    [{ n: 4 }, { n: 4 }, []],
  ])("%j is sent as %j", (asked, sent, dropped) => {
    const result = shaped(qwen, asked, { model: "qwen-max" });
    expect(result.body).toEqual({ model: "qwen-max", messages: [USER], ...sent });
    expect(result.dropped).toEqual(dropped);
  });

  test("messages lose roles and lists that text models refuse", () => {
    const messages = [
      { role: "developer", content: "x" },
      {
        role: "user",
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
      {
        role: "user",
        content: [
          { type: "text", text: "a" },
          { type: "image_url", image_url: { url: "u" } },
        ],
      },
      { role: "user", content: [{ type: "text", text: "a", cache_control: { type: "ephemeral" } }] },
    ];
    expect(shaped(qwen, { messages }).body.messages).toEqual([
      { role: "system", content: "x" },
      { role: "user", content: "a\nb" },
      messages[2],
      messages[3],
    ]);
  });

  test.each([
    [{ n: 5 }, "chat"],
    [{ tools: [{ type: "function", function: { name: "search" } }] }, "chat"],
    [{ input: Array.from({ length: 11 }, () => "a") }, "embedding"],
  ] as const)("%j cannot be expressed", (body, operation) => {
    expect(() => shaped(qwen, body, { operation })).toThrow(SluiceError);
  });

  test("embeddings are asked for in numbers", () => {
    const { body, dropped } = shaped(
      qwen,
      { input: "a", encoding_format: "base64", user: "u" },
      { operation: "embedding" },
    );
    expect(body).toEqual({ model: "m", input: "a", encoding_format: "float" });
    expect(dropped).toEqual(["user"]);
  });

  test("completions keep the fields of the coder models", () => {
    const asked = { prompt: "a", suffix: "b", max_tokens: 5, echo: true };
    const { body, dropped, url } = shaped(qwen, asked, { operation: "completion" });
    expect({ body, dropped, url }).toEqual({
      body: { model: "m", prompt: "a", suffix: "b", max_tokens: 5 },
      dropped: ["echo"],
      url: "http://v/completions",
    });
  });
});

describe("thinking", () => {
  test.each([
    ["qwen-plus", "none", { enable_thinking: false }],
    ["qwen-plus", "low", { enable_thinking: true, thinking_budget: 2_048 }],
    ["qwen-plus", "high", { enable_thinking: true, thinking_budget: 24_576 }],
    ["qwen-plus", "xhigh", { enable_thinking: true }],
    ["qwen3.8-max", "minimal", { reasoning_effort: "low" }],
    ["qwen3.8-max", "medium", { reasoning_effort: "medium" }],
    ["qwen3.8-max", "high", { reasoning_effort: "xhigh" }],
    ["qwen3.8-max", "none", { enable_thinking: false }],
    ["qwen3.8-omni-flash", "none", { reasoning_effort: "none" }],
    ["qwen3.8-omni-flash", "max", { reasoning_effort: "xhigh" }],
  ])("%s with effort %s is sent %j", (model, effort, sent) => {
    const { body, dropped } = shaped(qwen, { reasoning_effort: effort }, { model, stream: true });
    const { messages: _, stream_options: __, stream: ___, model: ____, ...rest } = body;
    expect(rest).toEqual(sent);
    expect(dropped).toEqual([]);
  });

  test.each([
    ["qwen-plus", {}, false],
    ["qwen-plus", { reasoning_effort: "low" }, true],
    ["qwen-plus", { enable_thinking: true }, true],
    ["qwen3-32b", {}, true],
    ["qwen3-32b", { enable_thinking: false }, false],
    ["qwen3-235b-a22b-instruct-2507", {}, false],
    ["qwen3-235b-a22b-thinking-2507", {}, true],
    ["qwen3-max", {}, false],
    ["qwen3.7-max", {}, false],
    ["qwq-plus", {}, true],
    ["qwen3.8-omni-flash", {}, true],
  ])("%s asked whole with %j is streamed: %p", (model, body, streams) => {
    const sent = shaped(qwen, body, { model }).body;
    expect(sent.stream ?? false).toBe(streams);
    expect(sent.stream_options).toEqual(streams ? { include_usage: true } : undefined);
  });

  test.each([
    [
      { max_tokens: 100, enable_thinking: true },
      { max_tokens: 50, thinking_budget: 50 },
    ],
    [
      { max_tokens: 5_000, reasoning_effort: "low" },
      { max_tokens: 2_952, thinking_budget: 2_048 },
    ],
    [
      { max_tokens: 100, enable_thinking: true, thinking_budget: 10 },
      { max_tokens: 90, thinking_budget: 10 },
    ],
    [{ max_tokens: 1, enable_thinking: true }, { max_tokens: 1 }],
    [{ max_tokens: 100 }, { max_tokens: 100 }],
  ])("what is limited by %j is limited in all: %j", (asked, sent) => {
    expect(shaped(qwen, asked, { model: "qwen-plus", stream: true }).body).toMatchObject(sent);
  });

  test("gives way to JSON mode", () => {
    const json = { response_format: { type: "json_object" } };
    const asked = shaped(
      qwen,
      { ...json, enable_thinking: true, thinking_budget: 5 },
      { model: "qwen-plus" },
    );
    expect(asked.body).toMatchObject({ ...json, enable_thinking: false });
    expect(asked.body.stream).toBeUndefined();
    expect(asked.dropped).toEqual(["enable_thinking", "thinking_budget"]);
    expect(shaped(qwen, json, { model: "qwen3.5-plus" }).body.enable_thinking).toBe(false);
    expect(shaped(qwen, json, { model: "qwen-max" }).body.enable_thinking).toBeUndefined();
    expect(shaped(qwen, json, { model: "qwq-plus" }).body.enable_thinking).toBeUndefined();
  });

  test("schemas go to models that take them, to others as an instruction", () => {
    const response_format = { type: "json_schema", json_schema: { name: "x", schema: { type: "object" } } };
    expect(shaped(qwen, { response_format }, { model: "qwen3.6-plus" })).toMatchObject({
      body: { response_format },
      dropped: [],
    });
    const older = shaped(qwen, { response_format }, { model: "qwen-plus" });
    expect(older.body.response_format).toEqual({ type: "json_object" });
    expect(older.dropped).toEqual(["response_format.json_schema"]);
  });
});
