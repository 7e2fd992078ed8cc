import { describe, expect, test } from "bun:test";
import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import { deepseek } from "../deepseek/index.ts";
import { openai } from "../openai/index.ts";
import { openaiCompatible } from "../openai-compatible/index.ts";
import { qwen } from "../qwen/index.ts";
import { answerBytes, readFixtures, requestOf, streamBytes } from "../testing/fixtures.ts";

const CHAT = requestOf("chat", { messages: [] });
const answer = (choice: JsonObject): JsonObject => ({ id: "1", choices: [{ index: 0, ...choice }] });
const said = { message: { role: "assistant", content: "a" }, finish_reason: "stop" };

function read(body: JsonObject | string, request: GenerationRequest = CHAT, adapter = openai) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return adapter.readAnswer(request, Buffer.from(text));
}

describe("a whole answer", () => {
  test("is handed on byte by byte", () => {
    const bytes = Buffer.from(`\r\n\n {"choices": [ ${JSON.stringify({ index: 0, ...said })} ], "x": 1.50}`);
    const result = openai.readAnswer(CHAT, bytes);
    expect(result.ok && result.body).toBe(bytes);
  });

  test("has usage only if the vendor told it believably", () => {
    expect(read(answer(said))).toMatchObject({ ok: true, usage: undefined });
    expect(read({ ...answer(said), usage: { prompt_tokens: -1 } })).toMatchObject({
      ok: true,
      usage: undefined,
    });
  });

  test("with a foreign finish reason is shown with OpenAI's", () => {
    const result = read(answer({ ...said, finish_reason: "end_turn" }), CHAT, openaiCompatible);
    if (!result.ok) throw new Error("no answer");
    expect(result.finishReasons).toEqual(["stop"]);
    expect(JSON.parse(Buffer.from(result.body).toString())).toEqual(answer(said));
  });

  test("without a finish reason has stopped", () => {
    expect(read(answer({ message: said.message }))).toMatchObject({ ok: true, finishReasons: ["stop"] });
  });

  test("that the vendor broke off is its failure", () => {
    const result = read(answer({ ...said, finish_reason: "insufficient_system_resource" }), CHAT, deepseek);
    expect(result).toMatchObject({
      ok: false,
      failure: { fault: "vendor", vendorCode: "insufficient_system_resource" },
    });
  });

  test("that is an error in a list is a failure", () => {
    const result = read(JSON.stringify([{ error: { code: "insufficient_quota", message: "pay" } }]));
    expect(result).toMatchObject({ ok: false, failure: { fault: "key", message: "pay" } });
  });
});

describe("a stream where a whole answer was asked for", () => {
  test.each(readFixtures("qwen").exchanges.filter((fixture) => fixture.stream !== undefined))(
    "is put together: $name",
    (fixture) => {
      const request = requestOf(fixture.operation, fixture.request);
      const whole = qwen.readAnswer(request, answerBytes(fixture));
      const assembled = qwen.readAnswer(request, streamBytes(fixture));
      if (!whole.ok || !assembled.ok) throw new Error("no answer");
      expect(assembled.usage).toEqual(whole.usage);
      expect(assembled.finishReasons).toEqual(whole.finishReasons);
      expect(assembled.outputChars).toBe(whole.outputChars);
      const [choice] = Array.isArray(assembled.parsed.choices) ? assembled.parsed.choices : [];
      const { text, reasoning, calls = [] } = fixture.expected;
      if (fixture.operation === "completion") expect(choice).toMatchObject({ text });
      else if (calls.length === 0) expect(choice.message).toMatchObject({ role: "assistant", content: text });
      else
        expect(choice.message.tool_calls.map((call: { id: string }) => call.id)).toEqual(
          calls.map(({ id }) => id),
        );
      if (reasoning !== undefined && reasoning !== "")
        expect(choice.message.reasoning_content).toBe(reasoning);
      expect(assembled.parsed.object).toBe(
        fixture.operation === "chat" ? "chat.completion" : "text_completion",
      );
    },
  );

  test("keeps log probabilities and several choices in order", () => {
    const piece = (index: number, content: string, token: string): string =>
      `data: ${JSON.stringify({ id: "1", choices: [{ index, delta: { content }, logprobs: { content: [{ token }] }, finish_reason: "stop" }] })}\n\n`;
    const result = read(`${piece(1, "b", "B")}${piece(0, "a", "A")}data: [DONE]\n\n`);
    expect(result.ok && result.parsed.choices).toMatchObject([
      { index: 0, message: { content: "a" }, logprobs: { content: [{ token: "A" }] } },
      { index: 1, message: { content: "b" }, logprobs: { content: [{ token: "B" }] } },
    ]);
  });
});

describe("embeddings", () => {
  const floats = {
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: [0.5, -1] }],
    usage: { prompt_tokens: 1, total_tokens: 1 },
  };
  const base64 = Buffer.from(new Float32Array([0.5, -1]).buffer).toString("base64");

  test.each([
    [{ encoding_format: "base64" }, base64],
    [{ encoding_format: "float" }, [0.5, -1]],
    [{}, [0.5, -1]],
  ])("numbers come back as asked for: %j", (body, expected) => {
    const result = read(floats, requestOf("embedding", { input: "a", ...body }));
    expect(result).toMatchObject({
      ok: true,
      outputChars: 0,
      finishReasons: [],
      usage: { input: 1, output: 0 },
    });
    expect(result.ok && result.parsed.data).toMatchObject([{ embedding: expected }]);
  });

  test("base64 that nobody asked for comes back as numbers", () => {
    const answered = { ...floats, data: [{ object: "embedding", index: 0, embedding: base64 }] };
    const result = read(answered, requestOf("embedding", { input: "a" }));
    expect(result.ok && result.parsed.data).toMatchObject([{ embedding: [0.5, -1] }]);
  });

  test("without data are a failure", () => {
    expect(read({ object: "list", data: [] }, requestOf("embedding", { input: "a" })).ok).toBe(false);
  });
});
