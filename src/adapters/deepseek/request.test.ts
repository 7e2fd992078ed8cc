import { describe, expect, test } from "bun:test";
import { SluiceError } from "../../core/errors.ts";
import { shaped } from "../testing/shaped.ts";
import { deepseek } from "./index.ts";

const USER = { role: "user", content: "hi" };

describe("a request to DeepSeek", () => {
  test("leaves out what is not supported, and says so where it had asked for something", () => {
    const { body, dropped } = shaped(deepseek, {
      n: 1,
      seed: 7,
      logit_bias: { "1": 2 },
      parallel_tool_calls: true,
      service_tier: "auto",
      store: true,
      metadata: { a: "b" },
      top_k: 3,
      stop: null,
      temperature: 0.5,
    });
    expect(body).toEqual({ model: "m", messages: [USER], temperature: 0.5 });
    expect(dropped).toEqual(["seed", "logit_bias", "store", "metadata", "top_k"]);
  });

  test("more answers than one are named when they are given up", () => {
    expect(shaped(deepseek, { n: 3 })).toMatchObject({ body: { model: "m" }, dropped: ["n"] });
  });

  test.each([
    [{ max_completion_tokens: 9 }, { max_tokens: 9 }],
    [{ max_tokens: 9, max_completion_tokens: 5 }, { max_tokens: 5 }],
    [{ max_tokens: 1_000_000 }, { max_tokens: 393_216 }],
    [{ user: "a b@c" }, { user_id: "a_b_c" }],
    [{ safety_identifier: "x" }, { user_id: "x" }],
    [{ reasoning_effort: "none" }, { thinking: { type: "disabled" } }],
    [{ reasoning_effort: "minimal" }, { reasoning_effort: "minimal" }],
    [{ reasoning_effort: "xhigh" }, { reasoning_effort: "xhigh" }],
    [{ thinking: { type: "adaptive" } }, { thinking: { type: "adaptive" } }],
  ])("%j is sent as %j", (asked, sent) => {
    expect(shaped(deepseek, asked)).toMatchObject({
      body: { model: "m", messages: [USER], ...sent },
      dropped: [],
    });
    expect(Object.keys(shaped(deepseek, asked).body).toSorted()).toEqual(
      ["model", "messages", ...Object.keys(sent)].toSorted(),
    );
  });

  test("the developer is the system here", () => {
    const { body } = shaped(deepseek, { messages: [{ role: "developer", content: "x" }, USER] });
    expect(body.messages).toEqual([{ role: "system", content: "x" }, USER]);
  });

  test("a schema becomes JSON mode and an instruction", () => {
    const schema = { type: "object", properties: { a: { type: "string" } } };
    const response_format = { type: "json_schema", json_schema: { name: "x", schema } };
    const { body, dropped } = shaped(deepseek, {
      messages: [{ role: "system", content: "Be brief." }, USER],
      response_format,
    });
    expect(body.response_format).toEqual({ type: "json_object" });
    expect(dropped).toEqual(["response_format.json_schema"]);
    const text = JSON.stringify(body.messages);
    expect(text).toContain("Be brief.");
    expect(text).toContain("JSON");
    expect(text).toContain(JSON.stringify(JSON.stringify(schema)).slice(1, -1));
    expect(body.messages).toHaveLength(2);
    expect(shaped(deepseek, { response_format }).body.messages).toHaveLength(2);
  });

  test("tools lose only `strict`", () => {
    const named = { name: "f", parameters: { type: "object" } };
    const { body, dropped } = shaped(deepseek, {
      tools: [{ type: "function", function: { ...named, strict: true } }],
    });
    expect(body.tools).toEqual([{ type: "function", function: named }]);
    expect(dropped).toEqual(["tools.function.strict"]);
  });

  test("thinking goes when the history has tool calls without their reasoning", () => {
    const call = {
      role: "assistant",
      content: "",
      tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }],
    };
    const result = { role: "tool", tool_call_id: "1", content: "x" };
    const without = shaped(deepseek, { messages: [USER, call, result], reasoning_effort: "high" });
    expect(without.body.thinking).toEqual({ type: "disabled" });
    expect(without.body.reasoning_effort).toBeUndefined();
    expect(without.dropped).toEqual(["reasoning_effort", "thinking"]);
    const kept = { ...call, reasoning_content: "because" };
    const whole = shaped(deepseek, { messages: [USER, kept, result], reasoning_effort: "high" });
    expect(whole.body).toMatchObject({ reasoning_effort: "high", messages: [USER, kept, result] });
    expect(whole.dropped).toEqual([]);
    const details = [{ type: "reasoning.text", text: "because" }];
    for (const named of [{ reasoning: "because" }, { reasoning_details: details, reasoning_content: null }]) {
      const otherwise = shaped(deepseek, { messages: [USER, { ...call, ...named }, result] });
      expect(otherwise.body.messages).toEqual([USER, kept, result]);
      expect(otherwise.dropped).toEqual([]);
    }
    const off = shaped(deepseek, { messages: [USER, call, result], thinking: { type: "disabled" } });
    expect(off.dropped).toEqual([]);
  });

  test.each([
    ["https://api.deepseek.com", "https://api.deepseek.com/beta/completions"],
    ["http://127.0.0.1:9101/v1", "http://127.0.0.1:9101/beta/completions"],
    ["https://api.deepseek.com/beta", "https://api.deepseek.com/beta/completions"],
  ])("completions below %s go to %s", (baseUrl, url) => {
    const body = { prompt: ["a"], suffix: "b", max_tokens: 9_999 };
    expect(shaped(deepseek, body, { operation: "completion", baseUrl })).toMatchObject({
      url,
      body: { prompt: "a", suffix: "b", max_tokens: 4_096 },
    });
  });

  test("an answer that is to be continued goes to the beta surface too", () => {
    const messages = [USER, { role: "assistant", content: "w1", prefix: true }];
    expect(shaped(deepseek, { messages }).url).toBe("http://v/beta/chat/completions");
    expect(shaped(deepseek, {}).url).toBe("http://v/chat/completions");
  });

  test.each([
    [{ stop: Array.from({ length: 17 }, (_, at) => `s${at}`) }, "chat"],
    [{ prompt: ["a", "b"] }, "completion"],
    [{ prompt: [1, 2] }, "completion"],
  ] as const)("%j cannot be expressed", (body, operation) => {
    expect(() => shaped(deepseek, body, { operation })).toThrow(SluiceError);
  });
});
