import { afterAll, beforeAll, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { type MockDashScope, startMockDashScope } from "./mock-dashscope.ts";

/** The published OpenAI SDK, unchanged, against a vendor that speaks DashScope's own protocol. */
const KEY = "sk-test-secret-of-the-vendor-0123456789";
/** Of now on at all hours, with a band and a price for thinking: everything that a charge can depend on. */
const PRICE = {
  ...{ input: 900, cachedInput: 900, output: 900, thinkingOutput: 900, imageInput: 900 },
  bands: [{ above: 1_000, input: 900, cachedInput: 900, output: 900, thinkingOutput: 900, imageInput: 900 }],
  times: [
    {
      at: "since 2026-01-01 sun-sat",
      ...{ input: 2, cachedInput: 1, output: 8, thinkingOutput: 16, imageInput: 3 },
      bands: [{ above: 1_000, input: 4, cachedInput: 2, output: 10, thinkingOutput: 20, imageInput: 6 }],
    },
  ],
};
const messages = [{ role: "user" as const, content: "How are you?" }];
const WEATHER = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
} as const;

let vendor: MockDashScope;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  vendor = startMockDashScope(KEY);
  const adapter = { adapter: "qwen", baseUrl: vendor.url };
  const candidate = { vendor: "alibaba", price: PRICE, maxOutput: 8_192 };
  gateway = await startGateway({
    vendors: {
      alibaba: { ...adapter, keys: [KEY] },
      second: { ...adapter, keys: [{ id: "second", key: KEY }] },
      locked: { ...adapter, keys: ["sk-wrong-key-0123456789"] },
    },
    routing: { strategy: "priority" },
    models: {
      qwen: [{ ...candidate, model: "qwen-plus" }],
      seeing: [{ ...candidate, model: "qwen3-vl-plus" }],
      locked: [{ ...candidate, vendor: "locked", model: "qwen-plus" }],
      pair: [
        { ...candidate, model: "qwen-plus" },
        { ...candidate, vendor: "second", model: "qwen-plus" },
      ],
      vectors: [
        { vendor: "alibaba", model: "text-embedding-v4", operations: ["embedding"], price: { input: 3 } },
      ],
    },
  });
  client = await gateway.client("1000");
}, 90_000);

afterAll(async () => {
  await gateway.dispose();
  vendor.stop();
}, 60_000);

const sdk = () => new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
const spent = async () => micro((await client.balance()).spent);

test("a chat is charged by its counts at the hour's price, and the receipt says by which", async () => {
  const usage = { input_tokens: 18, output_tokens: 5, prompt_tokens_details: { cached_tokens: 7 } };
  vendor.next({ pieces: [{ content: "I am " }, { content: "well" }], usage });
  const before = await spent();
  const { data, response } = await sdk().chat.completions.create({ model: "qwen", messages }).withResponse();
  expect(data.choices[0]).toMatchObject({ message: { content: "I am well" }, finish_reason: "stop" });
  expect(data.usage).toMatchObject({ prompt_tokens: 18, prompt_tokens_details: { cached_tokens: 7 } });
  expect(vendor.called.at(-1)).toBe("aigc/text-generation/generation");
  expect(vendor.asked.at(-1)).toEqual({
    model: "qwen-plus",
    input: { messages },
    parameters: { result_format: "message" },
  });
  expect((await spent()) - before).toBe(11n * 2n + 7n + 5n * 8n);
  const receipt = await client.get(`/v1/receipts/${response.headers.get("x-request-id")}`);
  expect(await receipt.json()).toMatchObject({
    price: { kind: "timed", input: "900", bands: [{ above: 1_000 }], windows: [{ input: "2" }] },
    applied: {
      hours: "since 2026-01-01 00:00-24:00",
      above: null,
      rates: { input: "2", cachedInput: "1", output: "8", thinkingOutput: "16" },
      percent: 100,
    },
  });
});

test("a stream is OpenAI's own; with thinking the whole answer costs its price, in the longer prompt's band", async () => {
  const usage = {
    ...{ input_tokens: 1_001, output_tokens: 9, total_tokens: 1_010 },
    output_tokens_details: { reasoning_tokens: 4 },
  };
  const pieces = [
    { reasoning_content: "Hm" },
    { reasoning_content: "." },
    { content: "Yes" },
    { content: "!" },
  ];
  vendor.next({ pieces, usage });
  const before = await spent();
  const wanted = {
    model: "qwen",
    messages,
    reasoning_effort: "low",
    stream: true,
    stream_options: { include_usage: true },
  } as const;
  const { data: stream, response } = await sdk().chat.completions.create(wanted).withResponse();
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  expect(deltas.map(({ content }) => content ?? "").join("")).toBe("Yes!");
  expect(deltas.map((delta) => ("reasoning_content" in delta ? delta.reasoning_content : "")).join("")).toBe(
    "Hm.",
  );
  expect(chunks.at(-1)).toMatchObject({
    usage: { prompt_tokens: 1_001, completion_tokens_details: { reasoning_tokens: 4 } },
  });
  expect(vendor.asked.at(-1)).toMatchObject({
    parameters: { incremental_output: true, enable_thinking: true, thinking_budget: 2_048 },
  });
  expect((await spent()) - before).toBe(1_001n * 4n + 9n * 20n);
  const receipt = await client.get(`/v1/receipts/${response.headers.get("x-request-id")}`);
  expect(await receipt.json()).toMatchObject({ applied: { above: 1_000, rates: { thinkingOutput: "20" } } });
});

test("a whole answer that must think is asked for as a stream and put together", async () => {
  vendor.next({ pieces: [{ reasoning_content: "Hm" }, { content: "Yes" }] });
  const answer = await sdk().chat.completions.create({ model: "qwen", messages, reasoning_effort: "low" });
  expect(answer.choices[0]?.message).toMatchObject({ content: "Yes", reasoning_content: "Hm" });
});

test("tools go round", async () => {
  const call = (id: string, name: string, text: string) => ({
    tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: text } }],
  });
  const pieces = [call("call_1", "weather", '{"city":'), call("", "", '"Rome"}')];
  vendor.next({ pieces, finish: "tool_calls" }, { pieces: [{ content: "Sunny" }] });
  const asked = { model: "qwen", tools: [WEATHER] };
  const first = await sdk()
    .chat.completions.stream({ ...asked, messages })
    .finalChatCompletion();
  const message = first.choices[0]?.message;
  if (message === undefined) throw new Error("no message");
  expect(message.tool_calls).toMatchObject([
    { id: "call_1", function: { name: "weather", arguments: '{"city":"Rome"}' } },
  ]);
  const result = { role: "tool" as const, tool_call_id: "call_1", content: "sun" };
  const second = await sdk().chat.completions.create({ ...asked, messages: [...messages, message, result] });
  expect(second.choices[0]?.message.content).toBe("Sunny");
  expect(vendor.asked.at(-1)).toMatchObject({
    input: { messages: [messages[0], { role: "assistant", tool_calls: [{ id: "call_1" }] }, result] },
    parameters: { tools: [WEATHER] },
  });
});

test("pictures go to the multimodal endpoint and their tokens have a price of their own", async () => {
  const usage = { input_tokens: 30, output_tokens: 2, image_tokens: 20 };
  vendor.next({ pieces: [{ content: [{ text: "A dog" }] }], usage });
  const before = await spent();
  const content = [
    { type: "image_url" as const, image_url: { url: "https://example.com/dog.png" } },
    { type: "text" as const, text: "What is it?" },
  ];
  const answer = await sdk().chat.completions.create({
    model: "seeing",
    messages: [{ role: "user", content }],
  });
  expect(answer.choices[0]?.message.content).toBe("A dog");
  expect(vendor.called.at(-1)).toBe("aigc/multimodal-generation/generation");
  expect(vendor.asked.at(-1)).toMatchObject({
    input: { messages: [{ content: [{ image: "https://example.com/dog.png" }, { text: "What is it?" }] }] },
  });
  expect((await spent()) - before).toBe(10n * 2n + 20n * 3n + 2n * 8n);
});

test("embeddings are vectors as the SDK reads them", async () => {
  vendor.next({
    vectors: [
      [0.5, -2],
      [1, 0],
    ],
  });
  const before = await spent();
  const { data } = await sdk().embeddings.create({ model: "vectors", input: ["a", "b"] });
  expect(data.map(({ embedding }) => embedding)).toEqual([
    [0.5, -2],
    [1, 0],
  ]);
  expect((await spent()) - before).toBe(7n * 3n);
});

test("a stream that is cut, or fails in the middle, is gone on with by another vendor's partial mode", async () => {
  const pieces = [{ content: "One, " }, { content: "two, " }];
  const error = { status: 500, code: "InternalError", message: "Something is wrong." };
  for (const dying of [
    { pieces, cutAfter: 2 },
    { pieces, error },
  ]) {
    vendor.next(dying, { pieces: [{ content: "three." }] });
    const stream = await sdk().chat.completions.create({ model: "pair", messages, stream: true });
    let text = "";
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    expect(text).toBe("One, two, three.");
    expect(vendor.asked.at(-1)).toMatchObject({
      input: { messages: [messages[0], { role: "assistant", content: "One, two, ", partial: true }] },
    });
  }
});

test.each([
  [{ status: 400, code: "InvalidParameter", message: "Range of max_tokens should be [1, 8192]" }, 400],
  [
    { status: 400, code: "DataInspectionFailed", message: "Input data may contain inappropriate content." },
    400,
  ],
  [{ status: 429, code: "Throttling.RateQuota", message: "Requests rate limit exceeded." }, 429],
])("an error of %j is a client's in OpenAI's form", async (error, status) => {
  vendor.next({ error });
  const thrown = await sdk()
    .chat.completions.create({ model: "qwen", messages })
    .catch((refused: unknown) => refused);
  if (!(thrown instanceof APIError)) throw new Error("was not refused");
  expect(thrown.status).toBe(status);
});

test("a wrong key is the vendor's trouble, and no part of it is shown", async () => {
  const answer = await client.post("/v1/chat/completions", { model: "locked", messages });
  const text = await answer.text();
  expect(answer.status).toBe(502);
  expect(text).not.toContain("sk-wrong");
});

test("the books agree", async () => {
  const books = await gateway.admin("GET", "/ledger/reconcile");
  expect(books).toMatchObject({ ok: true });
});
