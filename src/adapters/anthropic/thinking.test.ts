import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../core/manual-clock.ts";
import { listOf, objectOf, parseJson } from "../json.ts";
import { readFrames } from "../sse/event-stream.ts";
import { readFixtures, requestOf, streamBytes } from "../testing/fixtures.ts";
import { readAll } from "../testing/reading.ts";
import { shaped } from "../testing/shaped.ts";
import { createAnthropic } from "./index.ts";

const anthropic = createAnthropic(new ManualClock());
const MANUAL = "claude-sonnet-4-5-20250929";
const USER = { role: "user", content: "hi" };
const OFF = { type: "disabled" };
const SHOWN = { type: "adaptive", display: "summarized" };
const F = { type: "function", function: { name: "f" } };
const CALL = { id: "1", type: "function", function: { name: "f", arguments: "{}" } };
const RESULT = { role: "tool", tool_call_id: "1", content: "x" };

/** What is sent of thinking, and what is told to be given up. */
function thinkingOf(model: string, fields: object, maxOutputTokens = 64_000): unknown[] {
  const { body, dropped } = shaped(anthropic, { ...fields }, { model, maxOutputTokens });
  return [body.thinking, objectOf(body.output_config)?.effort, dropped.join()];
}

describe("reasoning_effort", () => {
  test.each([
    [MANUAL, "low", [{ type: "enabled", budget_tokens: 2_048 }, undefined, ""]],
    [MANUAL, "none", [undefined, undefined, ""]],
    ["claude-3-5-sonnet-20241022", "high", [undefined, undefined, "reasoning_effort"]],
    ["claude-sonnet-4-6", "xhigh", [{ type: "adaptive" }, "high", ""]],
    ["claude-opus-4-8", "xhigh", [SHOWN, "xhigh", ""]],
    ["claude-sonnet-5", "none", [OFF, undefined, ""]],
    ["claude-fable-5-1", "none", [undefined, "low", "reasoning_effort"]],
  ])("of %s: %s", (model, reasoning_effort, expected) => {
    expect(thinkingOf(model, { reasoning_effort })).toEqual(expected);
  });

  test("leaves half of a small limit to the answer, and gives way to a smaller one", () => {
    const budget = { type: "enabled", budget_tokens: 2_000 };
    expect(thinkingOf(MANUAL, { reasoning_effort: "high" }, 4_000)).toEqual([budget, undefined, ""]);
    const none = [undefined, undefined, "reasoning_effort"];
    expect(thinkingOf(MANUAL, { reasoning_effort: "high" }, 2_000)).toEqual(none);
  });

  test("excludes sampling parameters, and gives way to a call that is forced", () => {
    const budget = { type: "enabled", budget_tokens: 2_048 };
    const asked = { reasoning_effort: "low", temperature: 0.2 };
    expect(thinkingOf(MANUAL, asked)).toEqual([budget, undefined, "temperature"]);
    const forced = { tools: [F], tool_choice: "required", reasoning_effort: "low" };
    expect(thinkingOf(MANUAL, forced)).toEqual([undefined, undefined, "reasoning_effort"]);
    expect(thinkingOf("claude-sonnet-5", forced)).toEqual([OFF, undefined, "reasoning_effort"]);
    expect(thinkingOf("claude-fable-5", forced)).toEqual([SHOWN, "low", "tool_choice.required"]);
  });
});

describe("thoughts", () => {
  const wanted = { tools: [F], reasoning_effort: "low" };
  const asked = (assistant: object, model = MANUAL) => {
    const messages = [USER, { role: "assistant", tool_calls: [CALL], ...assistant }, RESULT];
    return shaped(anthropic, { ...wanted, messages }, { model });
  };

  test("without their signatures are left out, and thinking by a budget stops while calls are open", () => {
    for (const thinking_blocks of [undefined, [{ type: "thinking", thinking: "because" }]]) {
      const { body, dropped } = asked({ reasoning_content: "because", thinking_blocks });
      expect(JSON.stringify(body.messages)).not.toContain("because");
      expect(body.thinking).toBeUndefined();
      expect(dropped).toEqual(["messages.reasoning_content", "reasoning_effort"]);
    }
    const adaptive = asked({ reasoning_content: "because" }, "claude-opus-4-8");
    expect(adaptive.body.thinking).toEqual(SHOWN);
    expect(adaptive.dropped).toEqual(["messages.reasoning_content"]);
  });

  test.each(["parallel-tools", "reasoning"])("of %s come back as they were, streamed or whole", (name) => {
    const fixture = readFixtures("anthropic").exchanges.find((one) => one.name === name);
    if (fixture === undefined) throw new Error(name);
    const request = requestOf("chat", fixture.request);
    const answer = anthropic.readAnswer(request, Buffer.from(JSON.stringify(fixture.answer)));
    if (!answer.ok) throw new Error("no answer");
    const whole = objectOf(objectOf(listOf(answer.parsed.choices)[0])?.message) ?? {};
    const { bytes } = readAll(anthropic.openStream(request, "passthrough"), [streamBytes(fixture)]);
    const streamed = [...readFrames(Buffer.from(bytes).toString("utf8"))].flatMap(({ data }) => {
      const choice = objectOf(listOf(objectOf(parseJson(data ?? ""))?.choices)[0]);
      return listOf(objectOf(choice?.delta)?.thinking_blocks);
    });
    expect(streamed).toEqual([...listOf(whole.thinking_blocks)]);

    const results = listOf(whole.tool_calls).map((call) => ({ ...RESULT, tool_call_id: objectOf(call)?.id }));
    const next = results.length > 0 ? results : [USER];
    const messages = [USER, whole, ...next];
    const { body, dropped } = shaped(anthropic, { ...wanted, messages }, { model: MANUAL });
    expect(objectOf(listOf(body.messages)[1])?.content).toEqual(fixture.answer.content);
    expect(objectOf(body.thinking)?.type).toBe("enabled");
    expect(dropped).toEqual([]);
  });
});

test("a whole answer that came as a stream means the same, and one that was cut is none", () => {
  for (const fixture of readFixtures("anthropic").exchanges) {
    const request = requestOf("chat", fixture.request);
    const whole = anthropic.readAnswer(request, Buffer.from(JSON.stringify(fixture.answer)));
    expect(anthropic.readAnswer(request, streamBytes(fixture))).toEqual(whole);
    expect(anthropic.readAnswer(request, streamBytes(fixture).subarray(0, -40)).ok).toBe(false);
  }
});
