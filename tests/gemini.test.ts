import { afterAll, beforeAll, expect, test } from "bun:test";
import { GoogleGenAI } from "@google/genai";
import OpenAI, { APIError } from "openai";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { type MockGemini, startMockGemini } from "./mock-gemini.ts";

/** The published OpenAI SDK, unchanged, against a vendor that speaks Gemini's wire. */
const KEY = "AIzaSyTestSecretOfTheVendor0123456789";
const PRICE = { input: 2, cachedInput: 1, output: 8 };
const WEATHER = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
} as const;
const messages = [{ role: "user" as const, content: "How are you?" }];

let vendor: MockGemini;
let other: MockGemini;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  vendor = startMockGemini(KEY);
  other = startMockGemini(KEY);
  const adapter = { adapter: "gemini", baseUrl: vendor.url };
  const candidate = { model: "gemini-3.1-pro-preview", price: PRICE, maxOutput: 64_000 };
  gateway = await startGateway({
    vendors: {
      google: { ...adapter, keys: [KEY] },
      locked: { ...adapter, keys: ["AIzaSyWrongKey0123"] },
      daily: { ...adapter, keys: [KEY] },
      frail: { ...adapter, keys: [KEY] },
      other: { ...adapter, baseUrl: other.url, keys: [KEY] },
    },
    routing: { strategy: "priority" },
    models: {
      gemini: [{ ...candidate, vendor: "google" }],
      locked: [{ ...candidate, vendor: "locked" }],
      daily: [{ ...candidate, vendor: "daily" }],
      pair: [
        { ...candidate, vendor: "frail" },
        { ...candidate, vendor: "other" },
      ],
      vectors: [
        { vendor: "google", model: "gemini-embedding-001", operations: ["embedding"], price: { input: 3 } },
      ],
    },
  });
  client = await gateway.client("1000");
}, 90_000);

afterAll(async () => {
  await gateway.dispose();
  vendor.stop();
  other.stop();
}, 60_000);

const sdk = () => new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
const spent = async () => micro((await client.balance()).spent);

async function refusal(running: Promise<unknown>): Promise<APIError> {
  const thrown = await running.catch((error: unknown) => error);
  if (thrown instanceof APIError) return thrown;
  throw new Error("was not refused");
}

test("a chat is charged by Gemini's counts, thoughts and the results of its own tools among them", async () => {
  const usage = {
    promptTokenCount: 18,
    cachedContentTokenCount: 7,
    toolUsePromptTokenCount: 3,
    candidatesTokenCount: 4,
    thoughtsTokenCount: 6,
  };
  const parts = [{ text: "Hm.", thought: true }, { text: "I am well" }];
  vendor.next({ parts, usage });
  const before = await spent();
  const { data, response } = await sdk()
    .chat.completions.create({ model: "gemini", messages, reasoning_effort: "low" })
    .withResponse();
  expect(data.choices[0]?.message).toMatchObject({ content: "I am well", reasoning_content: "Hm." });
  expect(data.usage).toMatchObject({
    prompt_tokens: 21,
    completion_tokens: 10,
    prompt_tokens_details: { cached_tokens: 7 },
    completion_tokens_details: { reasoning_tokens: 6 },
  });
  expect(response.headers.get("x-sluice-vendor")).toBe("google");
  expect(vendor.called.at(-1)).toBe("gemini-3.1-pro-preview:generateContent");
  expect(vendor.asked.at(-1)?.generationConfig).toEqual({
    thinkingConfig: { thinkingLevel: "LOW", includeThoughts: true },
  });
  expect((await spent()) - before).toBe((11n + 3n) * 2n + 7n + (4n + 6n) * 8n);
});

test("a stream is OpenAI's own, with usage and the end that Gemini does not send", async () => {
  vendor.next({
    parts: [{ text: "one two three" }, { text: "", thoughtSignature: "sig=" }],
    usage: { promptTokenCount: 9, candidatesTokenCount: 3 },
  });
  const before = await spent();
  const wanted = {
    model: "gemini",
    messages,
    stream: true,
    stream_options: { include_usage: true },
  } as const;
  const chunks = [];
  for await (const chunk of await sdk().chat.completions.create(wanted)) chunks.push(chunk);
  expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("one two three");
  expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(["stop"]);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 3 } });
  expect((await spent()) - before).toBe(9n * 2n + 3n * 8n);
});

test.each(["streamed", "whole"])(
  "calls go round with their signatures as the SDK keeps them, %s",
  async (how) => {
    const first = { functionCall: { name: "weather", args: { city: "Rome" } }, thoughtSignature: "sig/==" };
    const second = { functionCall: { name: "weather", args: { city: "Bern" } } };
    vendor.next({ parts: [first, second] }, { parts: [{ text: "Sunny" }] });
    const asked = { model: "gemini", tools: [WEATHER] };
    const completion =
      how === "streamed"
        ? await sdk()
            .chat.completions.stream({ ...asked, messages })
            .finalChatCompletion()
        : await sdk().chat.completions.create({ ...asked, messages });
    const message = completion.choices[0]?.message;
    const calls = message?.tool_calls ?? [];
    if (message === undefined) throw new Error("no message");
    expect(completion.choices[0]?.finish_reason).toBe("tool_calls");
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    const results = calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: "sun" }));
    const answer = await sdk().chat.completions.create({
      ...asked,
      messages: [...messages, message, ...results.toReversed()],
    });
    expect(answer.choices[0]?.message.content).toBe("Sunny");
    const response = { functionResponse: { name: "weather", response: { output: "sun" } } };
    expect(vendor.asked.at(-1)?.contents).toEqual([
      { role: "user", parts: [{ text: "How are you?" }] },
      { role: "model", parts: [first, second] },
      { role: "user", parts: [response, response] },
    ]);
  },
);

test("embeddings are vectors as the SDK reads them, charged by an estimate that is told", async () => {
  vendor.next({ vectors: [[0.5, -2]] }, { vectors: [[1], [2]] });
  const before = await spent();
  const { data, response } = await sdk()
    .embeddings.create({ model: "vectors", input: "How are you?" })
    .withResponse();
  expect(data.data[0]?.embedding).toEqual([0.5, -2]);
  expect((await spent()) - before).toBe(BigInt(data.usage.prompt_tokens) * 3n);
  const receipt = await client.get(`/v1/receipts/${response.headers.get("x-request-id")}`);
  expect(JSON.stringify(await receipt.json())).toContain("usage_estimated");
  const several = await sdk().embeddings.create({ model: "vectors", input: ["a", "b"] });
  expect(several.data.map(({ embedding }) => embedding)).toEqual([[1], [2]]);
  expect(vendor.called.at(-1)).toBe("gemini-embedding-001:batchEmbedContents");
});

test("a stream that is cut is told to be, never ended, wherever it is cut", async () => {
  for (const cutAfter of [1, 2, 3]) {
    vendor.next({ parts: [{ text: "one two three" }], cutAfter });
    const stream = await client.post("/v1/chat/completions", { model: "gemini", messages, stream: true });
    const text = await stream.text();
    expect(text).toContain('"stream_truncated"');
    expect(text).not.toContain("[DONE]");
  }
});

test("an answer that is cut is gone on with by an instruction, and both parts are charged by their counts", async () => {
  const before = await spent();
  vendor.next({
    parts: [{ text: "One, two, three, four, five, six" }],
    usage: { promptTokenCount: 6, candidatesTokenCount: 4 },
    cutAfter: 3,
  });
  other.next({
    parts: [{ text: "One, two, three, four, five, six." }],
    usage: { promptTokenCount: 30, candidatesTokenCount: 7 },
  });
  const stream = await sdk().chat.completions.create({ model: "pair", messages, stream: true });
  let text = "";
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
  expect(text).toBe("One, two, three, four, five, six.");
  const contents = other.asked.at(-1)?.contents;
  expect(contents).toMatchObject([
    { role: "user", parts: [{ text: "How are you?" }] },
    { role: "model", parts: [{ text: "One, two, three," }] },
    { role: "user" },
  ]);
  expect((await spent()) - before).toBe((6n + 30n) * 2n + (4n + 7n) * 8n);
});

test("an answer in Gemini's own words is gone on with by another vendor, under its names", async () => {
  const before = await spent();
  vendor.next({
    parts: [{ text: "One, two, three, four, five, six." }],
    usage: { promptTokenCount: 6, candidatesTokenCount: 4 },
    cutAfter: 3,
  });
  other.next({
    parts: [{ text: "One, two, three, four, five, six." }],
    usage: { promptTokenCount: 30, candidatesTokenCount: 7 },
  });
  const google = new GoogleGenAI({ apiKey: client.key, httpOptions: { baseUrl: gateway.url } });
  const chunks = [];
  for await (const chunk of await google.models.generateContentStream({
    model: "pair",
    contents: "How are you?",
  }))
    chunks.push(chunk);
  expect(chunks.map(({ text }) => text ?? "").join("")).toBe("One, two, three, four, five, six.");
  expect(new Set(chunks.map(({ responseId }) => responseId))).toEqual(new Set(["resp-1"]));
  expect(chunks.at(-1)).toMatchObject({
    candidates: [{ finishReason: "STOP" }],
    usageMetadata: { promptTokenCount: 36, candidatesTokenCount: 11 },
  });
  expect((await spent()) - before).toBe((6n + 30n) * 2n + (4n + 7n) * 8n);
});

test("a model that fails at its own tools leaves the request to the next vendor", async () => {
  vendor.next({ parts: [], finishReason: "MALFORMED_FUNCTION_CALL" });
  other.next({ parts: [{ text: "Sunny" }] });
  const { data, response } = await sdk()
    .chat.completions.create({ model: "pair", messages, tools: [WEATHER] })
    .withResponse();
  expect(data.choices[0]?.message.content).toBe("Sunny");
  expect(response.headers.get("x-sluice-vendor")).toBe("other");
});

test("a blocked prompt and a filtered answer are told as OpenAI tells them, and charged by the count", async () => {
  const before = await spent();
  vendor.next(
    { blockReason: "SAFETY", usage: { promptTokenCount: 4, candidatesTokenCount: 0 } },
    { parts: [], finishReason: "SAFETY", usage: { promptTokenCount: 4, candidatesTokenCount: 0 } },
  );
  const blocked = await sdk().chat.completions.create({ model: "gemini", messages });
  expect(blocked.choices[0]).toMatchObject({ finish_reason: "content_filter", message: { content: "" } });
  const stream = await sdk().chat.completions.create({ model: "gemini", messages, stream: true });
  const reasons = [];
  for await (const { choices } of stream) reasons.push(choices[0]?.finish_reason ?? "");
  expect(reasons.filter((reason) => reason !== "")).toEqual(["content_filter"]);
  expect((await spent()) - before).toBe(2n * 4n * 2n);
});

test("refusals are told in OpenAI's form, without the vendor's key", async () => {
  const message = `The input token count (9) exceeds the maximum number of tokens allowed (8). ${KEY}`;
  vendor.next({ error: { code: 400, status: "INVALID_ARGUMENT", message } });
  const tooLong = await refusal(sdk().chat.completions.create({ model: "gemini", messages }));
  expect([tooLong.status, tooLong.code]).toEqual([400, "context_length_exceeded"]);
  expect(JSON.stringify(tooLong.error)).not.toContain("Secret");
  const locked = await refusal(sdk().chat.completions.create({ model: "locked", messages }));
  expect([locked.status, locked.code]).toEqual([502, "vendor_unavailable"]);
});

test("a minute's quota is waited for as Google says; a day's sets the key aside", async () => {
  const quota = (period: string) => ({
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    violations: [{ quotaId: `GenerateRequestsPer${period}PerProjectPerModel-FreeTier`, quotaValue: "10" }],
  });
  const wait = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7.2s" };
  const exhausted = (period: string) => ({
    error: {
      ...{ code: 429, status: "RESOURCE_EXHAUSTED", message: "You exceeded your current quota." },
      details: [quota(period), wait],
    },
  });
  vendor.next(exhausted("Minute"));
  const slower = await refusal(sdk().chat.completions.create({ model: "gemini", messages }));
  expect([slower.status, slower.code]).toEqual([429, "rate_limit_exceeded"]);
  expect(slower.headers?.get("retry-after")).toBe("8");
  vendor.next(exhausted("Day"));
  const calls = vendor.asked.length;
  for (let call = 0; call < 2; call += 1) {
    const done = await refusal(sdk().chat.completions.create({ model: "daily", messages }));
    expect([done.status, done.code]).toEqual([502, "vendor_unavailable"]);
  }
  expect(vendor.asked.length - calls).toBe(1);
});

test("the books are right after all of it", async () => {
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});
