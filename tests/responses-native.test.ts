import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { answerBytes, readFixtures, streamBytes } from "../src/adapters/testing/fixtures.ts";
import type { JsonObject } from "../src/core/generation.ts";
import { type Client, type Gateway, micro, sluiceComment, startGateway } from "./gateway.ts";
import { type MockAnthropic, startMockAnthropic } from "./mock-anthropic.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";

/** OpenAI's Responses at OpenAI, through the whole system: the client's body and the vendor's bytes pass through. */
const { exchanges } = readFixtures("openai/responses");
const CLAUDE_KEY = "sk-ant-key-of-the-vendor";
const PRICE = { input: 2, cachedInput: 1, cacheWrite: 3, output: 8 };

let vendor: MockVendor;
let claude: MockAnthropic;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  vendor = startMockVendor();
  claude = startMockAnthropic(CLAUDE_KEY);
  const own = (model: string, quality = 0.9) => ({
    ...{ vendor: "openai", model, quality, price: PRICE, maxOutput: 500 },
  });
  const other = (quality: number) => ({
    ...{ vendor: "claude", model: "claude-opus-4-8", quality, price: PRICE, maxOutput: 500 },
  });
  gateway = await startGateway({
    routing: { strategy: "quality" },
    vendors: {
      openai: { adapter: "openai", baseUrl: vendor.url, keys: ["sk-mock-0123456789"] },
      claude: { adapter: "anthropic", baseUrl: claude.url, keys: [CLAUDE_KEY] },
    },
    models: {
      thinks: [own("gpt-5.4")],
      plain: [own("gpt-4.1")],
      both: [own("gpt-5.4"), other(0.5)],
      back: [other(0.9), own("gpt-5.4", 0.5)],
      claude: [other(0.5)],
    },
  });
  client = await gateway.client("1000");
}, 90_000);

afterAll(async () => {
  await gateway.dispose();
  claude.stop();
  vendor.stop();
}, 60_000);

let before: bigint;
const spent = async () => micro((await client.balance()).spent);
beforeEach(async () => {
  before = await spent();
});

const sdk = () => new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
const create = (body: object, headers: Record<string, string> = {}) =>
  client.post("/v1/responses", { model: "thinks", input: "Say hello.", ...body }, headers);
const asked = (): JsonObject => vendor.account.calls.at(-1)?.request.body ?? {};
const pathAsked = () => vendor.account.calls.at(-1)?.request.path;

/** The vendor's text as the client is told it: by the response's name here, and kept here. */
const asTold = (text: string, id: string, isKept: boolean): string =>
  text.replaceAll(/"id":"resp_[0-9a-f]+"/g, `"id":"${id}"`).replaceAll('"store":false', `"store":${isKept}`);

const idOf = (response: Response): string =>
  (response.headers.get("x-request-id") ?? "").replace("req_", "resp_");

describe.each(exchanges)("the response $name", (fixture) => {
  const include = ["reasoning.encrypted_content"];
  const { input, cachedInput, cacheWrite, output, reasoning } = fixture.expected.usage;
  const cost = BigInt(input * 2 + cachedInput + cacheWrite * 3 + (output + reasoning) * 8);

  test.each([true, false])("is streamed byte for byte but for its names (kept: %p)", async (store) => {
    const sent = Buffer.from(streamBytes(fixture)).toString("utf8");
    vendor.next({ answer: { headers: { "content-type": "text/event-stream" }, body: sent } });
    const response = await create({ stream: true, store, include });
    const text = await response.text();
    const comment = text.split("\n").find((line) => line.startsWith(": sluice ")) ?? "none";
    expect(text.replace(`${comment}\n\n`, "")).toBe(asTold(sent, idOf(response), store));
    // The charge stands before the last event.
    expect(text.slice(text.indexOf(comment)).match(/^event: /gm)).toHaveLength(1);
    expect(sluiceComment(text)).toMatchObject({ outcome: "completed" });
    expect((await spent()) - before).toBe(cost);
    const kept = await client.get(`/v1/responses/${idOf(response)}`);
    expect(kept.status).toBe(store ? 200 : 404);
  });

  test("is whole, byte for byte but for its names", async () => {
    const sent = Buffer.from(answerBytes(fixture)).toString("utf8");
    vendor.next({ answer: { headers: { "content-type": "application/json" }, body: sent } });
    const response = await create({ include });
    expect(await response.text()).toBe(asTold(sent, idOf(response), true));
    expect(response.headers.get("x-sluice-dropped")).toBeNull();
    expect(micro(response.headers.get("x-sluice-cost") ?? "")).toBe(cost);
    expect((await spent()) - before).toBe(cost);
    const kept = await client.get(`/v1/responses/${idOf(response)}?include[]=${include[0]}`);
    expect(await kept.text()).toBe(
      JSON.stringify(JSON.parse(asTold(sent, idOf(response), true))), // as it was written down
    );
  });
});

test("the client's own body goes to the vendor, for its model, and nothing is kept there", async () => {
  vendor.next({ text: "Hello" });
  const body = {
    ...{ instructions: "Be brief.", metadata: { run: "7" }, truncation: "auto", max_output_tokens: 40 },
    ...{ text: { verbosity: "low" }, reasoning: { effort: "low", summary: "auto" } },
    input: [
      { role: "developer", content: "Speak." },
      { role: "user", content: [{ type: "input_text", text: "Hi" }] },
    ],
  };
  const response = await create(body);
  expect(response.status).toBe(200);
  expect(response.headers.get("x-sluice-dropped")).toBeNull();
  expect(pathAsked()).toBe("/v1/responses");
  expect(asked()).toEqual({
    ...body,
    ...{ model: "gpt-5.4", store: false, include: ["reasoning.encrypted_content"] },
  });
});

test("what it thought goes back with the next turn, and is shown to whoever asks", async () => {
  vendor.next({ reasoningTokens: 3, toolCalls: [{ name: "weather", arguments: '{"city":"Rome"}' }] });
  const tools = [{ type: "function", name: "weather", parameters: { type: "object" }, strict: false }];
  const first = (await (await create({ tools })).json()) as { id: string; output: JsonObject[] };
  expect(JSON.stringify(first)).not.toContain("encrypted_content");
  const [thought, call] = first.output;
  expect([thought?.type, call?.type]).toEqual(["reasoning", "function_call"]);
  vendor.next({ text: "Sunny" });
  const output = { type: "function_call_output", call_id: call?.call_id, output: "sun" };
  const second = await create({ tools, previous_response_id: first.id, input: [output] });
  const told = (await second.json()) as JsonObject;
  expect(told).toMatchObject({ previous_response_id: first.id, store: true, id: idOf(second) });
  expect(asked().previous_response_id).toBeUndefined();
  expect(asked().input).toEqual([
    { type: "message", role: "user", content: [{ type: "input_text", text: "Say hello." }] },
    { ...thought, encrypted_content: expect.stringContaining("gAAAAAB") },
    call,
    output,
  ]);
  const shown = await client.get(`/v1/responses/${first.id}?include[]=reasoning.encrypted_content`);
  expect(await shown.text()).toContain("gAAAAAB");
  expect(await (await client.get(`/v1/responses/${first.id}`)).text()).not.toContain("gAAAAAB");
});

test("items are referred to by the names that the vendor gave them", async () => {
  vendor.next({ text: "Noted" });
  const { output } = await sdk().responses.create({ model: "thinks", input: "Remember 7." });
  const [message] = output;
  if (message === undefined || message.id === undefined) throw new Error("said nothing");
  vendor.next({ text: "7" });
  const again = await sdk().responses.create({
    model: "thinks",
    input: [
      { type: "item_reference", id: message.id },
      { role: "user", content: "Which number?" },
    ],
  });
  expect(again.output_text).toBe("7");
  expect(JSON.stringify(asked().input)).toContain("Noted");
  const stranger = await gateway.client("10");
  const foreign = await stranger.post("/v1/responses", {
    ...{ model: "thinks", input: [{ type: "item_reference", id: message.id }] },
  });
  expect(foreign.status).toBe(404);
  for (const id of ["msg_none", "a\0b", "x".repeat(5_000), ""])
    expect((await create({ input: [{ type: "item_reference", id }] })).status).toBe(404);
});

test("a conversation goes from one vendor to the other and back", async () => {
  vendor.next({ text: "One", reasoningTokens: 2 });
  const first = await sdk().responses.create({ model: "thinks", input: "Count." });
  claude.next({
    content: [
      { type: "thinking", thinking: "hm", signature: "sig" },
      { type: "text", text: "Two" },
    ],
  });
  const second = await sdk().responses.create({
    model: "claude",
    input: "On.",
    previous_response_id: first.id,
  });
  expect(JSON.stringify(claude.asked.at(-1))).toContain("One");
  expect(JSON.stringify(claude.asked.at(-1))).not.toContain("gAAAAAB");
  vendor.next({ text: "Three" });
  const third = await sdk().responses.create({
    model: "thinks",
    input: "On.",
    previous_response_id: second.id,
  });
  expect(third.output_text).toBe("Three");
  const sent = JSON.stringify(asked().input);
  for (const said of ["Count.", "One", "Two", "gAAAAAB"]) expect(sent).toContain(said);
  // What Anthropic thought, and how it is named here, is nothing to OpenAI.
  expect(sent).not.toContain("sluice.");
  expect(sent).not.toContain("hm");
});

test("an answer that dies is gone on with, in the message that it left open, under its names and one charge", async () => {
  vendor.next({
    text: "The longest river is the",
    promptTokens: 10,
    cut: { afterTokens: 4 },
    pace: { token: 30 },
  });
  claude.next({
    content: [{ type: "text", text: " the Nile, in Africa." }],
    usage: { input_tokens: 30, output_tokens: 5 },
  });
  const stream = sdk().responses.stream({ model: "both", input: "Which is the longest river?" });
  const response = await stream.finalResponse();
  expect(response.output).toHaveLength(1);
  expect(response.output[0]?.id).toStartWith("msg_");
  expect(response.output_text).toBe("The longest river is the Nile, in Africa.");
  expect(response.model).toBe("gpt-5.4-2026-08-07");
  expect(response.status).toBe("completed");
  const { input_tokens, output_tokens } = response.usage ?? { input_tokens: 0, output_tokens: 0 };
  expect((await spent()) - before).toBe(BigInt(input_tokens * 2 + output_tokens * 8));
  expect((await sdk().responses.retrieve(response.id)).output_text).toBe(response.output_text);
});

test("OpenAI goes on with another vendor's answer by the chat", async () => {
  claude.next({ content: [{ type: "text", text: "It is the Nile in" }], cutAfter: 6 });
  vendor.next({ text: " in Africa." });
  const response = await sdk().responses.stream({ model: "back", input: "Which river?" }).finalResponse();
  expect(response.output_text).toContain("in Africa.");
  expect(response.status).toBe("completed");
  expect(pathAsked()).toBe("/v1/chat/completions");
});

test("a vendor that fails before its first word is followed by one that is asked by the chat", async () => {
  vendor.next({ refusal: "server_error" });
  claude.next({ content: [{ type: "text", text: "Hello" }] });
  const response = await create({ model: "both", truncation: "auto" });
  expect(await response.json()).toMatchObject({ status: "completed", store: true });
  expect(response.headers.get("x-sluice-dropped")).toBe("truncation");
});

test("a failed response is an error with the vendor's reason, and costs nothing", async () => {
  vendor.next({ tokens: 4, failure: { afterTokens: 2, error: { code: "server_error", message: "broken" } } });
  const text = await (await create({ stream: true })).text();
  expect(text.match(/^event: error$/gm)).toHaveLength(1);
  expect(text.match(/^event: response\.failed$/gm)).toHaveLength(1);
  expect(text).not.toContain("event: response.completed");
  expect(sluiceComment(text)).toMatchObject({ outcome: "failed", cost: "0" });
  expect((await spent()) - before).toBe(0n);
});

test("an end that comes twice is told once, and without usage the charge is estimated", async () => {
  vendor.next({ text: "one two", end: "two_markers", usage: "missing" });
  const text = await (await create({ stream: true })).text();
  expect(text.match(/^event: response\.completed$/gm)).toHaveLength(1);
  expect(sluiceComment(text)).toMatchObject({ outcome: "completed" });
  expect((await spent()) - before).toBeGreaterThan(0n);
});

test("fewer tokens than OpenAI's Responses take are asked for as a chat", async () => {
  vendor.next({ text: "one two three four" });
  const response = await create({ model: "plain", max_output_tokens: 2 });
  expect(await response.json()).toMatchObject({
    status: "incomplete",
    incomplete_details: { reason: "max_output_tokens" },
  });
  expect(pathAsked()).toBe("/v1/chat/completions");
});

test("a balance that pays for less caps what is asked for", async () => {
  const poor = await gateway.client("0.002");
  vendor.next({ text: "Hello" });
  const response = await poor.post("/v1/responses", { model: "plain", input: "Hi" });
  expect(response.status).toBe(200);
  expect(Number(response.headers.get("x-sluice-capped"))).toBe(Number(asked().max_output_tokens));
});

test.each([
  ["tools[0].type", { tools: [{ type: "web_search" }] }],
  ["tools[0].type", { tools: [{ type: "mcp", server_label: "x", server_url: "http://x" }] }],
  ["tools[0].type", { tools: [{ type: "code_interpreter", container: { type: "auto" } }] }],
  ["background", { background: true }],
  ["conversation", { conversation: "conv_1" }],
  ["prompt", { prompt: { id: "pmpt_1" } }],
])("what OpenAI would run or keep is refused: %s", async (param, wish) => {
  const calls = vendor.account.calls.length;
  const response = await create(wish);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: "unsupported_parameter", param } });
  expect(vendor.account.calls).toHaveLength(calls);
});

test("a conversation that only OpenAI knows is not gone on from", async () => {
  const response = await create({
    previous_response_id: "resp_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b",
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { code: "previous_response_not_found", param: "previous_response_id" },
  });
});

test("a resumable stream is asked for in the client's own words, and read again from its beginning", async () => {
  vendor.next({ text: "one two three" });
  const response = await create({ stream: true }, { "x-sluice-resumable": "true" });
  const text = await response.text();
  expect(pathAsked()).toBe("/v1/responses");
  expect(text).toContain("event: response.completed");
  const again = await client.get(`/v1/streams/${response.headers.get("x-sluice-stream")}`);
  expect(await again.text()).toBe(text);
});
