import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import type {
  MessageParam,
  RawMessageStreamEvent,
  Tool,
  ToolUseBlock,
} from "@anthropic-ai/sdk/resources/messages";
import { micro, sluiceComment } from "./gateway.ts";
import { SdkTable } from "./sdk-table.ts";
import {
  costOf,
  MODELS,
  PACED,
  SHAPES,
  startTextVendors,
  type TextVendors,
  VENDORS,
} from "./text-vendors.ts";

/** The published Anthropic SDK, unchanged, against each vendor's way of speaking. */
const table = new SdkTable("messages");
let vendors: TextVendors;
beforeAll(async () => {
  vendors = await startTextVendors();
}, 90_000);
afterAll(() => vendors.dispose(), 60_000);

const sdk = (apiKey = vendors.client.key) =>
  new Anthropic({ apiKey, baseURL: vendors.gateway.url, maxRetries: 0 });
const spent = async () => micro((await vendors.client.balance()).spent);
const messages: MessageParam[] = [{ role: "user", content: "How are you?" }];
const max_tokens = 100;

const weather: Tool = {
  name: "weather",
  description: "The weather of a city",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

async function refusal(running: Promise<unknown>): Promise<APIError> {
  const thrown = await running.catch((error: unknown) => error);
  if (thrown instanceof APIError) return thrown;
  throw new Error(`was not refused: ${JSON.stringify(thrown)}`);
}

/** Sluice's own code in an error, wherever the SDK puts the body. */
const codeOf = (error: APIError): unknown => (error.error as { error?: { code?: string } }).error?.code;

async function eventsOf(
  stream: AsyncIterable<RawMessageStreamEvent>,
): Promise<readonly RawMessageStreamEvent[]> {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe.each(VENDORS)("the Anthropic SDK with %s", (vendor) => {
  const model = `${vendor}-model`;

  test("gets a message, and the charge is what the vendor counted", async () => {
    const said = { text: "I am well today", prompt: 11, cached: 3, completion: 4 };
    vendors.says(vendor, said);
    const before = await spent();
    const { data, response } = await sdk()
      .messages.create({ model, max_tokens, messages, system: "Be brief." })
      .withResponse();
    expect(data).toMatchObject({
      type: "message",
      role: "assistant",
      content: [{ type: "text", text: "I am well today" }],
      stop_reason: "end_turn",
      stop_sequence: null,
      usage: { input_tokens: 8, cache_read_input_tokens: 3, output_tokens: 4 },
    });
    expect(micro(response.headers.get("x-sluice-cost") ?? "")).toBe(costOf(said));
    expect((await spent()) - before).toBe(costOf(said));
    expect(response.headers.get("x-sluice-vendor")).toBe(vendor);
    expect(response.headers.get("x-sluice-model")).toBe(MODELS[vendor]);
    expect(response.headers.get("request-id")).toBe(response.headers.get("x-request-id"));
    expect(JSON.stringify(vendors.asked(vendor))).toContain("Be brief.");
    table.saw("whole answers, charged as the vendor counts", vendor);
  });

  test("gets Anthropic's own events, and is charged alike", async () => {
    const said = { text: "one two three", prompt: 7, completion: 3 };
    vendors.says(vendor, said);
    const before = await spent();
    const events = await eventsOf(await sdk().messages.create({ model, max_tokens, messages, stream: true }));
    const types = events.map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(["message_start", "content_block_start"]);
    expect(types.slice(-3)).toEqual(["content_block_stop", "message_delta", "message_stop"]);
    const texts = events.map((event) =>
      event.type === "content_block_delta" && event.delta.type === "text_delta" ? event.delta.text : "",
    );
    expect(texts.join("")).toBe("one two three");
    expect(events.find(({ type }) => type === "message_delta")).toMatchObject({
      delta: { stop_reason: "end_turn" },
      usage: { output_tokens: 3 },
    });
    expect((await spent()) - before).toBe(costOf(said));
    table.saw("streams, charged alike", vendor);
  });

  test("puts a stream together with its helpers", async () => {
    vendors.says(vendor, { text: "one two three", prompt: 7, cached: 2, completion: 3 });
    const stream = sdk().messages.stream({ model, max_tokens, messages });
    const texts: string[] = [];
    stream.on("text", (text) => texts.push(text));
    const message = await stream.finalMessage();
    expect(texts.join("")).toBe("one two three");
    expect(message.content).toMatchObject([{ type: "text", text: "one two three" }]);
    expect(message.usage).toMatchObject({ input_tokens: 5, cache_read_input_tokens: 2, output_tokens: 3 });
    expect(message.stop_reason).toBe("end_turn");
  });

  test.each([false, true])("runs tools in parallel, in a loop (streamed: %p)", async (isStream) => {
    const toolCalls = ["Rome", "Bern"].map((city) => ({ name: "weather", arguments: `{"city":"${city}"}` }));
    vendors.says(vendor, { toolCalls, prompt: 9, completion: 20 });
    vendors.says(vendor, { text: "Sunny in both", prompt: 30, completion: 3 });
    const wanted = { model, max_tokens, tools: [weather], tool_choice: { type: "auto" } as const };
    const asking = { ...wanted, messages };
    const first = isStream
      ? await sdk().messages.stream(asking).finalMessage()
      : await sdk().messages.create(asking);
    expect(first.stop_reason).toBe("tool_use");
    const calls = first.content.filter((block): block is ToolUseBlock => block.type === "tool_use");
    expect(calls.map(({ name, input }) => [name, input])).toEqual([
      ["weather", { city: "Rome" }],
      ["weather", { city: "Bern" }],
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    const results = calls.map(({ id }, at) => ({
      type: "tool_result" as const,
      tool_use_id: id,
      content: at === 0 ? "sun" : [{ type: "text" as const, text: "no answer" }],
      is_error: at === 1,
    }));
    const second = await sdk().messages.create({
      ...wanted,
      messages: [
        ...messages,
        { role: "assistant", content: first.content },
        { role: "user", content: results },
      ],
    });
    expect(second.content).toMatchObject([{ type: "text", text: "Sunny in both" }]);
    const body = JSON.stringify(vendors.asked(vendor));
    // Gemini's calls are known by their names.
    if (vendor !== "gemini") for (const { id } of calls) expect(body.split(id)).toHaveLength(3);
    expect(body).toContain("no answer");
    table.saw("tools, in parallel and in a loop", vendor);
  });

  test("runs its own loop of tools, by the beta's path and helpers", async () => {
    vendors.says(vendor, {
      toolCalls: [{ name: "weather", arguments: '{"city":"Rome"}' }],
      prompt: 9,
      completion: 20,
    });
    vendors.says(vendor, { text: "Sunny", prompt: 30, completion: 3 });
    const asked: string[] = [];
    const tool = betaTool({
      ...{ name: "weather", description: "The weather of a city" },
      inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } as const,
      run: ({ city }) => {
        asked.push(city);
        return "sun";
      },
    });
    const last = await sdk().beta.messages.toolRunner({ model, max_tokens, messages, tools: [tool] });
    expect(last.content).toMatchObject([{ type: "text", text: "Sunny" }]);
    expect(asked).toEqual(["Rome"]);
  });

  test("shows images and documents", async () => {
    vendors.says(vendor, { text: "A gate", prompt: 90, completion: 2 });
    const data = "iVBORw0KGgo=";
    const message = await sdk().messages.create({
      model,
      max_tokens,
      messages: [
        {
          role: "user",
          content: [
            { type: "image", source: { type: "base64", media_type: "image/png", data } },
            { type: "document", source: { type: "text", media_type: "text/plain", data: "Of gates." } },
            { type: "text", text: "What is this?" },
          ],
        },
      ],
    });
    expect(message.content).toMatchObject([{ text: "A gate" }]);
    const body = JSON.stringify(vendors.asked(vendor));
    for (const part of [data, "Of gates.", "What is this?"]) expect(body).toContain(part);
    table.saw("images and documents", vendor);
  });

  test("is told that an answer reached its length", async () => {
    const said = { text: "one", prompt: 3, completion: 1, end: "length" } as const;
    vendors.says(vendor, said);
    expect((await sdk().messages.create({ model, max_tokens, messages })).stop_reason).toBe("max_tokens");
    vendors.says(vendor, said);
    const streamed = await sdk().messages.stream({ model, max_tokens, messages }).finalMessage();
    expect(streamed.stop_reason).toBe("max_tokens");
    table.saw("ends for length", vendor);
  });

  test("keeps to a schema", async () => {
    vendors.says(vendor, { text: '{"city":"Rome"}', prompt: 9, completion: 1 });
    const schema = {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    };
    const message = await sdk().messages.create({
      model,
      max_tokens,
      messages,
      output_config: { format: { type: "json_schema", schema } },
    });
    expect(message.content).toMatchObject([{ text: '{"city":"Rome"}' }]);
    expect(JSON.stringify(vendors.asked(vendor))).toContain("additionalProperties");
    table.saw("answers by a JSON schema", vendor);
  });

  test("learns of a stream that is cut, and never of its end", async () => {
    vendors.says(vendor, { text: "one two three", prompt: 3, completion: 2, end: "cut" });
    const stream = await vendors.client.post("/v1/messages", { model, max_tokens, messages, stream: true });
    const text = await stream.text();
    expect(sluiceComment(text)).toMatchObject({ outcome: "truncated" });
    const [frame = ""] = text.split("\n\n").filter((one) => one.startsWith("event: error\n"));
    expect(JSON.parse(frame.split("data: ")[1] ?? "")).toMatchObject({
      type: "error",
      error: { type: "api_error", code: "stream_truncated" },
      request_id: stream.headers.get("x-request-id"),
    });
    expect(text).not.toContain("message_stop");
    expect(text).toContain('"text":"one');
    expect(text.trimEnd().split("\n").at(-1)).toStartWith(": sluice {");
    table.saw("cut streams are errors", vendor);
  });
});

describe.each(SHAPES.filter((shape) => shape !== "openai"))(
  "the Anthropic SDK with %s, which thinks aloud,",
  (vendor) => {
    const model = `${vendor}-model`;

    test("hears the vendor's words of its own mistakes, as Anthropic would say them", async () => {
      vendors.mock(vendor).next({ refusal: "context_length" });
      const error = await refusal(sdk().messages.create({ model, max_tokens, messages }));
      expect(error).toBeInstanceOf(Anthropic.BadRequestError);
      expect([error.status, error.type, codeOf(error)]).toEqual([
        400,
        "invalid_request_error",
        "context_length_exceeded",
      ]);
    });

    test("sees what it reasoned, and gives it back", async () => {
      vendors.mock(vendor).next({ reasoningTokens: 3, text: "Yes." });
      const thinking = { type: "enabled", budget_tokens: 2_048 } as const;
      const first = await sdk()
        .messages.stream({ model, max_tokens: 4_000, thinking, messages })
        .finalMessage();
      const [thought, text] = first.content;
      if (thought?.type !== "thinking") throw new Error("did not think");
      expect(thought.thinking).not.toBe("");
      expect(text).toMatchObject({ type: "text", text: "Yes." });
      vendors.says(vendor, { text: "Sure.", prompt: 9, completion: 1 });
      await sdk().messages.create({
        model,
        max_tokens,
        messages: [
          ...messages,
          { role: "assistant", content: first.content },
          { role: "user", content: "Sure?" },
        ],
      });
      expect(JSON.stringify(vendors.asked(vendor))).toContain("Yes.");
      table.saw("thoughts, shown and given back", vendor);
    });
  },
);

describe.each(SHAPES)("the Anthropic SDK when %s goes wrong", (vendor) => {
  const model = `${vendor}-model`;

  test.each([
    ["is cut inside a frame", { cut: { afterTokens: 2, inside: "frame" } }],
    ["ends without its end marker", { end: "none", finishReason: "none" }],
    ["falls silent", { hold: { afterTokens: 2 } }],
    [
      "says that it failed",
      { failure: { afterTokens: 2, error: { message: "broken", code: "server_error" } } },
    ],
  ] as const)("throws when it %s", async (_, script) => {
    vendors.mock(vendor).next({ text: "one two three", pace: PACED, ...script });
    const seen: string[] = [];
    const reading = async () => {
      const stream = await sdk().messages.create({ model, max_tokens, messages, stream: true });
      for await (const event of stream) seen.push(event.type);
    };
    const error = await refusal(reading());
    expect(["stream_truncated", "vendor_timeout", "vendor_unavailable"]).toContain(String(codeOf(error)));
    expect(seen).toContain("content_block_delta");
    expect(seen).not.toContain("message_stop");
    vendors.mock(vendor).release();
  });
});

describe("the Anthropic SDK with a vendor of its own dialect", () => {
  const model = "anthropic-model";

  test("asks with its own body, and gets the vendor's own bytes", async () => {
    const content = [
      { type: "thinking", thinking: "Look it up.", signature: "sig/==" },
      { type: "text", text: "Let me see." },
      { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Rome" } },
    ] as const;
    vendors.claude.next({ content, stopReason: "tool_use" }, { content, stopReason: "tool_use" });
    const wanted = {
      ...{ model, max_tokens: 450, messages, tools: [weather], metadata: { user_id: "u" } },
      system: [{ type: "text" as const, text: "Be kind.", cache_control: { type: "ephemeral" as const } }],
    };
    const whole = await vendors.client.post("/v1/messages", wanted);
    expect(await whole.text()).toBe(vendors.claude.said.at(-1) ?? "");
    expect(vendors.asked("anthropic")).toEqual({ ...wanted, model: MODELS.anthropic });
    const streamed = await vendors.client.post("/v1/messages", { ...wanted, stream: true });
    const text = await streamed.text();
    const [comment = ""] = /^: sluice .*\n\n/m.exec(text) ?? [];
    expect(text.replace(comment, "")).toBe(vendors.claude.said.at(-1) ?? "");
    expect(text.indexOf("event: message_stop")).toBe(text.indexOf(comment) + comment.length);
  });

  test("carries thoughts and their signatures between turns", async () => {
    const content = [
      { type: "thinking", thinking: "Look it up.", signature: "sig/==" },
      { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Rome" } },
    ] as const;
    vendors.claude.next({ content, stopReason: "tool_use" }, { content: [{ type: "text", text: "Sunny" }] });
    const asked = { model, max_tokens, tools: [weather], thinking: { type: "adaptive" } as const };
    const first = await sdk()
      .messages.stream({ ...asked, messages })
      .finalMessage();
    expect(first.content).toMatchObject(content);
    await sdk().messages.create({
      ...asked,
      messages: [
        ...messages,
        { role: "assistant", content: first.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "sun" }] },
      ],
    });
    expect(vendors.claude.asked.at(-1)?.messages).toMatchObject([{}, { content }, {}]);
  });

  test("is refused in Anthropic's form, without the vendor's key", async () => {
    const message = "prompt is too long: 9 tokens > 8 maximum (sk-ant-key-of-the-vendor)";
    vendors.claude.next({ error: { status: 400, type: "invalid_request_error", message } });
    const error = await refusal(sdk().messages.create({ model, max_tokens, messages }));
    expect([error.status, error.type, codeOf(error)]).toEqual([
      400,
      "invalid_request_error",
      "context_length_exceeded",
    ]);
    expect(JSON.stringify(error.error)).not.toContain("key-of-the-vendor");
  });
});

test("the books are right", async () => {
  expect(await vendors.gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});

test("README says what the SDK's messages were seen to do", () => table.check());
