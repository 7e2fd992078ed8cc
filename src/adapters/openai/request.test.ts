import { describe, expect, test } from "bun:test";
import { shaped } from "../testing/shaped.ts";
import { openai } from "./index.ts";
import { isReasoningModel } from "./request.ts";

describe("a request to OpenAI", () => {
  test("passes on as it came, unknown fields and nulls too", () => {
    const body = {
      temperature: 0.3,
      seed: 7,
      stop: null,
      n: 2,
      verbosity: "low",
      brand_new: { a: [1] },
      user: "u",
    };
    const result = shaped(openai, body, { model: "gpt-4.1" });
    expect(result.body).toEqual({ messages: [{ role: "user", content: "hi" }], ...body, model: "gpt-4.1" });
    expect(result.dropped).toEqual([]);
    expect(result.headers.accept).toBe("application/json");
  });

  test.each([
    ["priority", undefined, "priority"],
    ["priority", ["priority", "batch"], "priority"],
    ["priority", [], undefined],
    ["brand-new", ["priority"], undefined],
    ["flex", [], "flex"],
    ["default", [], "default"],
  ])("asks for the tier %p where the price names %j: %p", (tier, pricedTiers, sent) => {
    const target = pricedTiers === undefined ? {} : { pricedTiers };
    const { body, dropped } = shaped(openai, { service_tier: tier }, target);
    expect(body.service_tier).toBe(sent as typeof body.service_tier);
    expect(dropped).toEqual(sent === undefined ? ["service_tier"] : []);
  });

  test("keeps what the client wanted of a stream and asks for usage", () => {
    const { body, headers } = shaped(
      openai,
      { stream_options: { include_obfuscation: false } },
      { stream: true },
    );
    expect(body.stream_options).toEqual({ include_obfuscation: false, include_usage: true });
    expect(headers.accept).toBe("text/event-stream");
  });

  test("leaves out what is paid by the call, and says so", () => {
    const { body, dropped } = shaped(openai, { web_search_options: {} });
    expect(body).toEqual({ messages: [{ role: "user", content: "hi" }], model: "m" });
    expect(dropped).toEqual(["web_search_options"]);
  });

  test("leaves out other vendors' fields and says so", () => {
    const { body, dropped } = shaped(openai, {
      top_k: 5,
      enable_thinking: true,
      thinking: { type: "enabled" },
    });
    expect(body).toEqual({ messages: [{ role: "user", content: "hi" }], model: "m" });
    expect(dropped).toEqual(["top_k", "enable_thinking", "thinking"]);
  });

  test.each([
    ["gpt-4.1", "high", undefined, ["reasoning_effort"]],
    ["gpt-4.1", "none", undefined, []],
    ["gpt-5", "none", "minimal", ["reasoning_effort"]],
    ["o3", "none", "low", ["reasoning_effort"]],
    ["gpt-5.1", "none", "none", []],
    ["gpt-5", "high", "high", []],
  ])("to %s with the effort %s has %p", (model, effort, expected, told) => {
    const { body, dropped } = shaped(openai, { reasoning_effort: effort }, { model });
    expect(body.reasoning_effort).toBe(expected);
    expect(dropped).toEqual(told);
  });

  test("leaves out what other vendors thought earlier in the conversation", () => {
    const call = { id: "c", type: "function", function: { name: "look", arguments: "{}" } };
    const said = { role: "assistant", content: null };
    const messages = [
      { role: "user", content: "hi" },
      {
        ...said,
        reasoning_content: "Hm.",
        thinking_blocks: [{ signature: "s" }],
        tool_calls: [{ ...call, extra_content: { google: { thought_signature: "t" } } }],
      },
      { role: "tool", tool_call_id: "c", content: "x" },
    ];
    const { body, dropped } = shaped(openai, { messages });
    expect(body.messages).toEqual([messages[0], { ...said, tool_calls: [call] }, messages[2]]);
    expect(dropped).toEqual([
      "messages.reasoning_content",
      "messages.thinking_blocks",
      "messages.extra_content",
    ]);
  });

  test.each([
    ["gpt-4.1", { max_tokens: 9 }, { max_tokens: 9 }],
    ["gpt-4.1", { max_completion_tokens: 9 }, { max_completion_tokens: 9 }],
    ["gpt-5-mini", { max_tokens: 9 }, { max_completion_tokens: 9 }],
    ["o3", { max_tokens: 9 }, { max_completion_tokens: 9 }],
    ["gpt-5-chat-latest", { max_tokens: 9 }, { max_tokens: 9 }],
  ])("%s gets the limit %j as %j", (model, limits, sent) => {
    const { body } = shaped(openai, limits, { model });
    expect(body).toEqual({ messages: [{ role: "user", content: "hi" }], model, ...sent });
  });

  test("a reasoning model is spared what it refuses", () => {
    const body = {
      temperature: 1,
      top_p: 1,
      presence_penalty: 1,
      frequency_penalty: 0,
      logprobs: true,
      logit_bias: {},
      stop: "x",
    };
    const { dropped, body: sent } = shaped(openai, body, { model: "o4-mini" });
    expect(sent).toEqual({ messages: [{ role: "user", content: "hi" }], model: "o4-mini" });
    expect(dropped).toEqual(["presence_penalty", "logprobs", "logit_bias", "stop", "temperature", "top_p"]);
  });

  test.each([
    ["gpt-5.1", "none", 0.2],
    ["gpt-6-sol", "none", 0.2],
    ["gpt-5.1", "low", undefined],
    ["gpt-5", "low", undefined],
  ])("%s with effort %s samples at %p", (model, effort, temperature) => {
    const { body } = shaped(openai, { reasoning_effort: effort, temperature: 0.2 }, { model });
    expect(body.temperature).toBe(temperature);
    expect(body.reasoning_effort).toBe(effort);
  });

  test.each([
    ["o1", true],
    ["o4-mini-2025-04-16", true],
    ["gpt-5", true],
    ["gpt-5.6-terra", true],
    ["gpt-6-astra", true],
    ["gpt-10", true],
    ["ft:gpt-5-mini:acme", true],
    ["gpt-5-chat", false],
    ["gpt-4o", false],
    ["gpt-4.1-nano", false],
    ["ft:gpt-4o:acme", false],
    ["chatgpt-4o-latest", false],
    ["omni-moderation", false],
  ])("%s reasons: %p", (model, reasons) => {
    expect(isReasoningModel(model)).toBe(reasons);
  });

  test("completions and embeddings go to their own paths", () => {
    expect(shaped(openai, { prompt: "a" }, { operation: "completion", cappedOutputTokens: 3 })).toMatchObject(
      {
        url: "http://v/completions",
        body: { prompt: "a", model: "m", max_tokens: 3 },
      },
    );
    const embedding = shaped(openai, { input: "a", encoding_format: "base64" }, { operation: "embedding" });
    expect(embedding).toMatchObject({
      url: "http://v/embeddings",
      body: { input: "a", encoding_format: "base64" },
    });
  });
});
