import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import type {
  FunctionTool,
  Response as ModelResponse,
  ResponseFunctionToolCall,
  ResponseStreamEvent,
} from "openai/resources/responses/responses";
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

/** The Responses of the published SDK, unchanged, against each vendor's way of speaking. */
const table = new SdkTable("responses");
let vendors: TextVendors;
beforeAll(async () => {
  vendors = await startTextVendors();
}, 90_000);
afterAll(() => vendors.dispose(), 60_000);

const sdk = (key = vendors.client.key) =>
  new OpenAI({ apiKey: key, baseURL: `${vendors.gateway.url}/v1`, maxRetries: 0 });

async function refusal(running: Promise<unknown>): Promise<APIError> {
  const thrown = await running.catch((error: unknown) => error);
  if (thrown instanceof APIError) return thrown;
  throw new Error("was not refused");
}

const spent = async () => micro((await vendors.client.balance()).spent);

const weather: FunctionTool = {
  type: "function",
  name: "weather",
  description: "The weather of a city",
  strict: false,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

const callsOf = ({ output }: ModelResponse): readonly ResponseFunctionToolCall[] =>
  output.filter((item) => item.type === "function_call");

async function eventsOf(stream: AsyncIterable<ResponseStreamEvent>): Promise<readonly ResponseStreamEvent[]> {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe.each(VENDORS)("the SDK's Responses with %s", (vendor) => {
  const model = `${vendor}-model`;

  test("answer, and the charge is what the vendor counted", async () => {
    const said = { text: "I am well today", prompt: 11, cached: 3, completion: 4 };
    vendors.says(vendor, said);
    const before = await spent();
    const { data, response } = await sdk()
      .responses.create({ model, input: "How are you?", instructions: "Be brief." })
      .withResponse();
    expect(data.output_text).toBe("I am well today");
    expect(data).toMatchObject({ object: "response", status: "completed", error: null, store: true });
    expect(data.usage).toMatchObject({
      input_tokens: 11,
      input_tokens_details: { cached_tokens: 3 },
      output_tokens: 4,
      total_tokens: 15,
    });
    expect(micro(response.headers.get("x-sluice-cost") ?? "")).toBe(costOf(said));
    expect((await spent()) - before).toBe(costOf(said));
    expect(response.headers.get("x-sluice-vendor")).toBe(vendor);
    expect(response.headers.get("x-sluice-model")).toBe(MODELS[vendor]);
    expect(response.headers.get("x-sluice-attempts")).toBe("1");
    expect(data.id).toBe((response.headers.get("x-request-id") ?? "").replace("req_", "resp_"));
    expect(JSON.stringify(vendors.asked(vendor))).toContain("Be brief.");
    table.saw("whole answers, charged as the vendor counts", vendor);
  });

  test("stream the same events as OpenAI, and are charged alike", async () => {
    const said = { text: "one two three", prompt: 7, completion: 3 };
    vendors.says(vendor, said);
    const before = await spent();
    const events = await eventsOf(await sdk().responses.create({ model, input: "Count.", stream: true }));
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
    const types = events.map(({ type }) => type);
    expect(types.slice(0, 4)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
    ]);
    expect(types.slice(-4)).toEqual([
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const deltas = events.map((event) => (event.type === "response.output_text.delta" ? event.delta : ""));
    expect(deltas.join("")).toBe("one two three");
    const last = events.at(-1);
    if (last?.type !== "response.completed") throw new Error("did not complete");
    expect(last.response.usage).toMatchObject({ input_tokens: 7, output_tokens: 3 });
    expect((await spent()) - before).toBe(costOf(said));
    const whole = await sdk().responses.retrieve(last.response.id);
    expect(whole.output_text).toBe("one two three");
    table.saw("streams, charged alike", vendor);
  });

  test.each([false, true])("run tools in parallel over kept turns (streamed: %p)", async (stream) => {
    const toolCalls = ["Rome", "Bern"].map((city) => ({ name: "weather", arguments: `{"city":"${city}"}` }));
    vendors.says(vendor, { toolCalls, prompt: 9, completion: 20 });
    vendors.says(vendor, { text: "Sunny in both", prompt: 30, completion: 3 });
    const wanted = { model, tools: [weather], input: "How is the weather in Rome and Bern?" };
    const first = stream
      ? await sdk().responses.stream(wanted).finalResponse()
      : await sdk().responses.create(wanted);
    const calls = callsOf(first);
    expect(calls.map(({ name }) => name)).toEqual(["weather", "weather"]);
    expect(calls.map((call) => JSON.parse(call.arguments) as object)).toEqual([
      { city: "Rome" },
      { city: "Bern" },
    ]);
    expect(new Set(calls.map(({ call_id }) => call_id)).size).toBe(2);
    const second = await sdk().responses.create({
      model,
      tools: [weather],
      previous_response_id: first.id,
      input: calls.map(({ call_id, arguments: city }) => ({
        type: "function_call_output",
        call_id,
        output: `sun over ${city}`,
      })),
    });
    expect(second.output_text).toBe("Sunny in both");
    expect(second.previous_response_id).toBe(first.id);
    const body = JSON.stringify(vendors.asked(vendor));
    expect(body).toContain("How is the weather in Rome and Bern?");
    expect(body.split("sun over")).toHaveLength(3);
    // Gemini's own names of calls are shorter than those that clients are told.
    if (vendor !== "gemini") for (const { call_id } of calls) expect(body.split(call_id)).toHaveLength(3);
    table.saw("tools, in parallel and in a loop", vendor);
  });

  test("keep to a schema", async () => {
    vendors.says(vendor, { text: '{"city":"Rome"}', prompt: 9, completion: 1 });
    const schema = {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    };
    const response = await sdk().responses.parse({
      model,
      input: "Which city?",
      text: { format: { type: "json_schema", name: "place", schema, strict: true } },
    });
    expect(response.output_parsed as unknown).toEqual({ city: "Rome" });
    expect(JSON.stringify(vendors.asked(vendor))).toContain("additionalProperties");
    table.saw("answers by a JSON schema", vendor);
  });

  test("take images in", async () => {
    vendors.says(vendor, { text: "A gate", prompt: 90, completion: 2 });
    const url = "data:image/png;base64,iVBORw0KGgo=";
    const { output_text } = await sdk().responses.create({
      model,
      input: [
        {
          role: "user",
          content: [
            { type: "input_text", text: "What is this?" },
            { type: "input_image", image_url: url, detail: "auto" },
          ],
        },
      ],
    });
    expect(output_text).toBe("A gate");
    expect(JSON.stringify(vendors.asked(vendor))).toContain("iVBORw0KGgo=");
    table.saw("images", vendor);
  });

  test("that reach their length are incomplete", async () => {
    vendors.says(vendor, { text: "one two", prompt: 5, completion: 2, end: "length" });
    const whole = await sdk().responses.create({ model, input: "Count.", max_output_tokens: 16 });
    expect([whole.status, whole.incomplete_details]).toEqual(["incomplete", { reason: "max_output_tokens" }]);
    vendors.says(vendor, { text: "one", prompt: 5, completion: 1, end: "length" });
    const events = await eventsOf(await sdk().responses.create({ model, input: "Count.", stream: true }));
    expect(events.at(-1)).toMatchObject({
      type: "response.incomplete",
      response: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } },
    });
    table.saw("ends for length", vendor);
  });

  test("that are cut fail, with what was said, and never complete", async () => {
    vendors.says(vendor, { text: "one two three", prompt: 5, completion: 3, end: "cut" });
    const stream = await vendors.client.post("/v1/responses", { model, input: "Count.", stream: true });
    const text = await stream.text();
    expect(sluiceComment(text)).toMatchObject({ outcome: "truncated" });
    expect(text).toContain('"stream_truncated"');
    expect(text.match(/^event: response\.failed$/gm)).toHaveLength(1);
    expect(text).not.toMatch(/^event: response\.(completed|incomplete)$/m);
    const [frame = ""] = text.split("\n\n").filter((one) => one.startsWith("event: response.failed"));
    const failed = JSON.parse(frame.split("data: ")[1] ?? "") as { response: ModelResponse };
    expect(failed.response).toMatchObject({ status: "failed", error: { code: "stream_truncated" } });
    expect(JSON.stringify(failed.response.output)).toContain("one");
    expect(text.trimEnd().split("\n").at(-1)).toStartWith(": sluice {");
    table.saw("cut streams are errors", vendor);
  });
});

describe.each(SHAPES)("the SDK's Responses when %s goes wrong", (vendor) => {
  const model = `${vendor}-model`;

  test.each([
    ["is cut inside a frame", { cut: { afterTokens: 2, inside: "frame" } }],
    ["ends without its end marker", { end: "none", finishReason: "none" }],
    ["falls silent", { hold: { afterTokens: 2 } }],
    [
      "says that it failed",
      { failure: { afterTokens: 2, error: { message: "broken", code: "server_error" } } },
    ],
  ] as const)("throw when it %s", async (_, script) => {
    vendors.mock(vendor).next({ text: "one two three", pace: PACED, ...script });
    const seen: string[] = [];
    const reading = async () => {
      const stream = await sdk().responses.create({ model, input: "Count.", stream: true });
      for await (const event of stream) seen.push(event.type);
    };
    const error = await refusal(reading());
    expect(["stream_truncated", "vendor_timeout", "vendor_unavailable"]).toContain(error.code ?? "");
    expect(seen).toContain("response.output_text.delta");
    expect(seen).not.toContain("response.completed");
    vendors.mock(vendor).release();
  });
});

test("README says what the SDK's responses were seen to do", () => table.check());
