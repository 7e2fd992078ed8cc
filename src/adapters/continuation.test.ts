import { expect, test } from "bun:test";
import { ManualClock } from "../core/manual-clock.ts";
import type { Adapter, Continuation } from "./adapter.ts";
import { createAnthropic } from "./anthropic/index.ts";
import { deepseek } from "./deepseek/index.ts";
import { doubao } from "./doubao/index.ts";
import { createGemini } from "./gemini/index.ts";
import { openai } from "./openai/index.ts";
import { openaiCompatible } from "./openai-compatible/index.ts";
import { qwen } from "./qwen/index.ts";
import { createSandbox } from "./sandbox/index.ts";
import { requestOf } from "./testing/fixtures.ts";

const anthropic = createAnthropic(new ManualClock());
const gemini = createGemini(new ManualClock());
const sandbox = createSandbox(new ManualClock());
const messages = [{ role: "user", content: "Count." }];

const askedOf = (adapter: Adapter, model: string, body: object = {}): Continuation =>
  adapter.continuation?.(requestOf("chat", { messages, ...body }), model) ?? { by: "instruction" };

test.each<[Adapter, string, object, Continuation["by"]]>([
  [deepseek, "deepseek-v4-pro", {}, "prefix"],
  [deepseek, "deepseek-chat", {}, "prefix"],
  [deepseek, "deepseek-reasoner", {}, "instruction"],
  [deepseek, "deepseek-chat", { tools: [] }, "instruction"],
  [qwen, "qwen-plus", {}, "prefix"],
  [qwen, "qwen3.8-max", { reasoning_effort: "high" }, "prefix"],
  [qwen, "qwq-plus", {}, "instruction"],
  [qwen, "qwen3-235b-a22b-thinking-2507", {}, "instruction"],
  [qwen, "qwen3-omni-flash", {}, "instruction"],
  [qwen, "kimi-k2", {}, "instruction"],
  [anthropic, "claude-sonnet-4-5", { reasoning_effort: "high" }, "prefix"],
  [anthropic, "claude-opus-4-6", {}, "instruction"],
  [anthropic, "claude-opus-5-5", {}, "instruction"],
  [gemini, "gemini-3.1-pro-preview", {}, "instruction"],
  [doubao, "doubao-seed-1-6-251015", {}, "instruction"],
  [openai, "gpt-5.1", {}, "instruction"],
  [openaiCompatible, "llama", {}, "instruction"],
  [sandbox, "sandbox-chat", {}, "prefix"],
])(
  "%#: a model goes on by a prefix where its vendor offers it, else by an instruction",
  (adapter, model, body, by) => {
    expect(askedOf(adapter, model, body).by).toBe(by);
  },
);

/** The body that is sent when the vendor goes on as it said. */
function sentBy(adapter: Adapter, model: string, body: object) {
  const asked = askedOf(adapter, model, body);
  if (asked.by !== "prefix") throw new Error("not by a prefix");
  const beginning = { role: "assistant", content: "One, two", ...asked.mark };
  const continued = { ...body, ...asked.body, messages: [...messages, beginning], stream: true };
  const request = requestOf("chat", continued, { stream: true });
  const call = adapter.buildCall(request, { model, baseUrl: "http://v.test", secret: "s" });
  return { url: call.url, sent: JSON.parse(String(call.body)), beginning };
}

test("DeepSeek's prefix goes to the beta address with thinking off", () => {
  const { url, sent, beginning } = sentBy(deepseek, "deepseek-v4-pro", { reasoning_effort: "high" });
  expect(url).toBe("http://v.test/beta/chat/completions");
  expect(sent.messages.at(-1)).toEqual(beginning);
  expect(sent).toMatchObject({ thinking: { type: "disabled" } });
  expect(sent.reasoning_effort).toBeUndefined();
});

test("Qwen's partial message goes out as it is, with thinking off where the model knows the word", () => {
  const { sent, beginning } = sentBy(qwen, "qwen3.8-max", { reasoning_effort: "high" });
  expect(sent.messages.at(-1)).toEqual(beginning);
  expect(sent.enable_thinking).toBe(false);
  expect(sentBy(qwen, "qwen-plus", {}).sent.enable_thinking).toBeUndefined();
});

test("Anthropic is given the beginning as its last turn, without thinking", () => {
  const { sent } = sentBy(anthropic, "claude-sonnet-4-5", { reasoning_effort: "high", max_tokens: 9_000 });
  expect(sent.messages.at(-1)).toEqual({ role: "assistant", content: "One, two" });
  expect(sent.thinking).toBeUndefined();
});
