import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../core/manual-clock.ts";
import { requestOf } from "../testing/fixtures.ts";
import { shaped } from "../testing/shaped.ts";
import { createGemini } from "./index.ts";

const gemini = createGemini(new ManualClock());
const sent = (body: object) =>
  shaped(
    gemini,
    { ...body },
    { operation: "embedding", model: "gemini-embedding-001", baseUrl: "http://v/v1" },
  );
const read = (body: object, answer: unknown) =>
  gemini.readAnswer(requestOf("embedding", { ...body }), Buffer.from(JSON.stringify(answer)));

describe("embeddings", () => {
  test("of one text go by themselves, of several as a batch", () => {
    const model = "models/gemini-embedding-001";
    const one = sent({ input: "a", dimensions: 2, task_type: "RETRIEVAL_QUERY", encoding_format: "base64" });
    expect(one.url).toBe("http://v/v1/models/gemini-embedding-001:embedContent");
    expect(one.body).toEqual({
      model,
      content: { parts: [{ text: "a" }] },
      taskType: "RETRIEVAL_QUERY",
      outputDimensionality: 2,
    });
    const two = sent({ input: ["a", "b"], user: "u" });
    expect(two.url).toBe("http://v/v1/models/gemini-embedding-001:batchEmbedContents");
    expect(two.body).toEqual({
      requests: ["a", "b"].map((text) => ({ model, content: { parts: [{ text }] } })),
    });
    expect(two.dropped).toEqual(["user"]);
  });

  test("of tokens, or of more texts than a batch holds, cannot be expressed", () => {
    expect(() => sent({ input: [1, 2] })).toThrow("not tokens");
    expect(() => sent({ input: Array.from({ length: 101 }, () => "a") })).toThrow("at most 100");
  });

  test("come as OpenAI's body in the wanted encoding, with an estimate for what Gemini does not count", () => {
    const answer = read({ input: "a", encoding_format: "base64" }, { embedding: { values: [0.5, -2] } });
    if (!answer.ok) throw new Error("no answer");
    expect(answer.usage).toBeUndefined();
    const floats = Buffer.from(new Float32Array([0.5, -2]).buffer).toString("base64");
    expect(answer.parsed).toEqual({
      object: "list",
      data: [{ object: "embedding", index: 0, embedding: floats }],
      model: "public-model",
      usage: { prompt_tokens: 50, total_tokens: 50 },
    });
  });

  test("that were shortened have the length 1, as OpenAI's have", () => {
    const answer = read({ input: ["a"], dimensions: 2 }, { embeddings: [{ values: [3, 4] }] });
    expect(answer.ok ? answer.parsed.data : undefined).toMatchObject([{ embedding: [0.6, 0.8] }]);
  });

  test("are counted by Gemini where it does count", () => {
    const told = { embedding: { values: [1] }, usageMetadata: { promptTokenCount: 4 } };
    expect(read({ input: "a" }, told)).toMatchObject({
      usage: { input: 4 },
      parsed: { usage: { prompt_tokens: 4 } },
    });
  });

  test.each([
    ["one vector too few", { embeddings: [{ values: [1] }] }],
    ["an empty vector", { embeddings: [{ values: [1] }, { values: [] }] }],
    ["a vector that holds no number", { embeddings: [{ values: [1] }, { values: ["x"] }] }],
    ["an error inside", { error: { code: 503, message: "busy", status: "UNAVAILABLE" } }],
    ["nothing", {}],
  ])("with %s are the vendor's failure", (_, answer) => {
    expect(read({ input: ["a", "b"] }, answer)).toMatchObject({ ok: false, failure: { fault: "vendor" } });
  });
});
