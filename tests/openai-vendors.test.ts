import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { micro, sluiceComment } from "./gateway.ts";
import { SdkTable } from "./sdk-table.ts";
import { costOf, MODELS, startTextVendors, type TextVendors, VENDORS } from "./text-vendors.ts";

/** Chat completions of the published SDK, unchanged, against every vendor of text, each on its own wire. */
const table = new SdkTable("chat completions");
let vendors: TextVendors;
beforeAll(async () => {
  vendors = await startTextVendors();
}, 90_000);
afterAll(() => vendors.dispose(), 60_000);

const sdk = () =>
  new OpenAI({ apiKey: vendors.client.key, baseURL: `${vendors.gateway.url}/v1`, maxRetries: 0 });
const spent = async () => micro((await vendors.client.balance()).spent);
const messages: ChatCompletionMessageParam[] = [{ role: "user", content: "How are you?" }];
const CITIES = ["Rome", "Bern"].map((city) => ({ name: "weather", arguments: `{"city":"${city}"}` }));
const weather = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
} as const;

describe.each(VENDORS)("the OpenAI SDK's chat with %s", (vendor) => {
  const model = `${vendor}-model`;

  test("is answered, and the charge is what the vendor counted", async () => {
    const said = { text: "I am well today", prompt: 11, cached: 3, completion: 4 };
    vendors.says(vendor, said);
    const before = await spent();
    const { data, response } = await sdk().chat.completions.create({ model, messages }).withResponse();
    expect(data.choices).toMatchObject([{ message: { content: "I am well today" }, finish_reason: "stop" }]);
    expect(data.usage).toMatchObject({
      prompt_tokens: 11,
      completion_tokens: 4,
      prompt_tokens_details: { cached_tokens: 3 },
    });
    expect(micro(response.headers.get("x-sluice-cost") ?? "")).toBe(costOf(said));
    expect((await spent()) - before).toBe(costOf(said));
    expect(response.headers.get("x-sluice-model")).toBe(MODELS[vendor]);
    table.saw("whole answers, charged as the vendor counts", vendor);
  });

  test("is streamed with its usage, and charged alike", async () => {
    const said = { text: "one two three", prompt: 7, cached: 2, completion: 3 };
    vendors.says(vendor, said);
    const before = await spent();
    const chunks = [];
    const stream_options = { include_usage: true };
    for await (const chunk of await sdk().chat.completions.create({
      ...{ model, messages, stream_options },
      stream: true,
    }))
      chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("one two three");
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(["stop"]);
    expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 3 });
    expect((await spent()) - before).toBe(costOf(said));
    table.saw("streams, charged alike", vendor);
  });

  test.each([false, true])("calls tools in parallel, in a loop (streamed: %p)", async (isStream) => {
    vendors.says(vendor, { toolCalls: CITIES, prompt: 9, completion: 20 });
    vendors.says(vendor, { text: "Sunny in both", prompt: 30, completion: 3 });
    const asked = { model, tools: [weather] };
    const first = isStream
      ? await sdk()
          .chat.completions.stream({ ...asked, messages })
          .finalChatCompletion()
      : await sdk().chat.completions.create({ ...asked, messages });
    const message = first.choices[0]?.message;
    if (message === undefined) throw new Error("no message");
    const calls = (message.tool_calls ?? []).filter((call) => call.type === "function");
    expect(calls.map((call) => JSON.parse(call.function.arguments))).toEqual([
      { city: "Rome" },
      { city: "Bern" },
    ]);
    const results = calls.map(({ id }) => ({ role: "tool" as const, tool_call_id: id, content: "sun" }));
    const second = await sdk().chat.completions.create({
      ...asked,
      messages: [...messages, message, ...results],
    });
    expect(second.choices[0]?.message.content).toBe("Sunny in both");
    table.saw("tools, in parallel and in a loop", vendor);
  });

  test("shows images", async () => {
    vendors.says(vendor, { text: "A gate", prompt: 90, completion: 2 });
    const url = "data:image/png;base64,iVBORw0KGgo=";
    const content = [
      { type: "image_url", image_url: { url } },
      { type: "text", text: "What is this?" },
    ] as const;
    const { choices } = await sdk().chat.completions.create({
      model,
      messages: [{ role: "user", content: [...content] }],
    });
    expect(choices[0]?.message.content).toBe("A gate");
    expect(JSON.stringify(vendors.asked(vendor))).toContain("iVBORw0KGgo=");
    table.saw("images", vendor);
  });

  test("keeps to a schema", async () => {
    vendors.says(vendor, { text: '{"city":"Rome"}', prompt: 9, completion: 1 });
    const schema = { type: "object", properties: { city: { type: "string" } } };
    const { choices } = await sdk().chat.completions.create({
      model,
      messages,
      response_format: { type: "json_schema", json_schema: { name: "place", schema } },
    });
    expect(JSON.parse(choices[0]?.message.content ?? "")).toEqual({ city: "Rome" });
    expect(JSON.stringify(vendors.asked(vendor))).toContain("city");
    table.saw("answers by a JSON schema", vendor);
  });

  test("is told that an answer reached its length", async () => {
    vendors.says(vendor, { text: "one", prompt: 4, completion: 1, end: "length" });
    const { choices } = await sdk().chat.completions.create({ model, messages });
    expect(choices[0]?.finish_reason).toBe("length");
    table.saw("ends for length", vendor);
  });

  test("learns of a stream that is cut, and never of its end", async () => {
    vendors.says(vendor, { text: "one two three", prompt: 7, completion: 3, end: "cut" });
    const stream = await vendors.client.post("/v1/chat/completions", { model, messages, stream: true });
    const text = await stream.text();
    expect(sluiceComment(text)).toMatchObject({ outcome: "truncated" });
    expect(text).toContain('"code":"stream_truncated"');
    expect(text).not.toContain("[DONE]");
    vendors.says(vendor, { text: "one two three", prompt: 7, completion: 3, end: "cut" });
    const reading = async () => {
      for await (const _ of await sdk().chat.completions.create({ model, messages, stream: true }));
    };
    expect(await reading().catch((error: unknown) => error)).toBeInstanceOf(OpenAI.APIError);
    table.saw("cut streams are errors", vendor);
  });
});

test("the books are right", async () => {
  expect(await vendors.gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});

test("README says what the SDK's chat completions were seen to do", () => table.check());
