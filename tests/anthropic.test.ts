import { afterAll, beforeAll, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { type MockAnthropic, startMockAnthropic } from "./mock-anthropic.ts";

/** The published OpenAI SDK, unchanged, against a vendor that speaks Anthropic's wire. */
const KEY = "sk-ant-secret-of-the-vendor";
const PRICE = { input: 2, cachedInput: 1, cacheWrite: 3, output: 8 };
const WEATHER = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
} as const;
const messages = [{ role: "user" as const, content: "How are you?" }];

let vendor: MockAnthropic;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  vendor = startMockAnthropic(KEY);
  const adapter = { adapter: "anthropic", baseUrl: vendor.url };
  const candidate = { model: "claude-opus-4-8", price: PRICE, maxOutput: 64_000 };
  gateway = await startGateway({
    vendors: { claude: { ...adapter, keys: [KEY] }, locked: { ...adapter, keys: ["sk-ant-wrong-key-0123"] } },
    models: {
      claude: [{ ...candidate, vendor: "claude" }],
      lasting: [{ ...candidate, vendor: "claude", price: { ...PRICE, cacheWriteLong: 5 } }],
      locked: [{ ...candidate, vendor: "locked" }],
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

async function refusal(running: Promise<unknown>): Promise<APIError> {
  const thrown = await running.catch((error: unknown) => error);
  if (thrown instanceof APIError) return thrown;
  throw new Error("was not refused");
}

test("a chat is charged by Anthropic's disjoint counts", async () => {
  const usage = {
    input_tokens: 11,
    cache_read_input_tokens: 7,
    cache_creation_input_tokens: 5,
    output_tokens: 4,
  };
  vendor.next({ content: [{ type: "text", text: "I am well" }], usage });
  const before = await spent();
  const { data, response } = await sdk()
    .chat.completions.create({ model: "claude", messages })
    .withResponse();
  expect(data.choices[0]?.message.content).toBe("I am well");
  expect(data.usage).toMatchObject({
    prompt_tokens: 23,
    completion_tokens: 4,
    prompt_tokens_details: { cached_tokens: 7 },
  });
  expect(response.headers.get("x-sluice-vendor")).toBe("claude");
  expect((await spent()) - before).toBe(11n * 2n + 7n + 5n * 3n + 4n * 8n);
});

test("an hour's cache is asked for and charged where the price names it, else five minutes are, and told", async () => {
  const usage = {
    input_tokens: 1,
    cache_creation_input_tokens: 9,
    cache_creation: { ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 7 },
    output_tokens: 1,
  };
  const hour = { type: "ephemeral", ttl: "1h" };
  const marked = { role: "system", content: [{ type: "text", text: "Long.", cache_control: hour }] };
  const answer = { content: [{ type: "text", text: "I am well" }], usage } as const;
  vendor.next(answer, answer);
  const before = await spent();
  const body = { model: "lasting", messages: [marked, ...messages] };
  const lasting = await client.post("/v1/chat/completions", body);
  expect([lasting.status, lasting.headers.get("x-sluice-dropped")]).toEqual([200, null]);
  expect(vendor.asked.at(-1)).toMatchObject({ system: [{ cache_control: hour }] });
  expect((await spent()) - before).toBe(2n + 2n * 3n + 7n * 5n + 8n);
  const receipt = await client.get(`/v1/receipts/${lasting.headers.get("x-request-id")}`);
  expect(await receipt.json()).toMatchObject({
    usage: { cache_write: 2, cache_write_long: 7 },
    applied: { rates: { cacheWrite: "3", cacheWriteLong: "5" } },
  });
  const short = await client.post("/v1/chat/completions", { ...body, model: "claude" });
  expect(short.headers.get("x-sluice-dropped")).toBe("cache_control.ttl");
  expect(vendor.asked.at(-1)).toMatchObject({ system: [{ cache_control: { type: "ephemeral" } }] });
});

test("a stream is OpenAI's own, with usage at its end", async () => {
  vendor.next({
    content: [{ type: "text", text: "one two three" }],
    usage: { input_tokens: 9, output_tokens: 3 },
  });
  const before = await spent();
  const wanted = {
    model: "claude",
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

test("a turn with thoughts and tools goes round as the SDK keeps it, and stays valid", async () => {
  const content = [
    { type: "thinking", thinking: "Look it up.", signature: "sig/==" },
    { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Rome" } },
    { type: "tool_use", id: "toolu_2", name: "weather", input: { city: "Bern" } },
  ] as const;
  vendor.next({ content, stopReason: "tool_use" }, { content: [{ type: "text", text: "Sunny" }] });
  const asked = { model: "claude", tools: [WEATHER], reasoning_effort: "low" as const };
  const runner = sdk().chat.completions.stream({ ...asked, messages });
  const message = (await runner.finalChatCompletion()).choices[0]?.message;
  if (message === undefined) throw new Error("no message");
  expect(message.tool_calls?.map((call) => call.id)).toEqual(["toolu_1", "toolu_2"]);
  const results = ["toolu_1", "toolu_2"].map((id) => ({
    role: "tool" as const,
    tool_call_id: id,
    content: "sun",
  }));
  const answer = await sdk().chat.completions.create({
    ...asked,
    messages: [...messages, message, ...results],
  });
  expect(answer.choices[0]?.message.content).toBe("Sunny");
  expect(vendor.asked.at(-1)?.messages).toMatchObject([{ role: "user" }, { role: "assistant", content }, {}]);
});

test("a stream that is cut is told to be, never ended", async () => {
  vendor.next({ content: [{ type: "text", text: "one two three" }], cutAfter: 5 });
  const stream = await client.post("/v1/chat/completions", { model: "claude", messages, stream: true });
  const text = await stream.text();
  expect(text).toContain('"stream_truncated"');
  expect(text).not.toContain("[DONE]");
});

test("refusals are told in OpenAI's form, without the vendor's key", async () => {
  const message = `prompt is too long: 9 tokens > 8 maximum (${KEY})`;
  vendor.next({ error: { status: 400, type: "invalid_request_error", message } });
  const tooLong = await refusal(sdk().chat.completions.create({ model: "claude", messages }));
  expect([tooLong.status, tooLong.code]).toEqual([400, "context_length_exceeded"]);
  expect(JSON.stringify(tooLong.error)).not.toContain("secret");
  const locked = await refusal(sdk().chat.completions.create({ model: "locked", messages }));
  expect([locked.status, locked.code]).toEqual([502, "vendor_unavailable"]);
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});
