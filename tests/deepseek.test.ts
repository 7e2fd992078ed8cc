import { afterAll, beforeAll, expect, test } from "bun:test";
import OpenAI from "openai";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { type Client, type Gateway, startGateway } from "./gateway.ts";

/**
 * DeepSeek wants the reasoning back that led to a tool call, and refuses the conversation otherwise: what OpenAI's
 * clients, which know nothing of it, send back, and what comes of it.
 */
const CALL = { index: 0, id: "call_00", type: "function", function: { name: "weather", arguments: "{}" } };
const TOOLS = [
  {
    type: "function" as const,
    function: { name: "weather", parameters: { type: "object", properties: {} } },
  },
];
const USER = { role: "user" as const, content: "How is the weather?" };
const USAGE = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };

interface Asked {
  readonly messages: readonly Record<string, unknown>[];
  readonly stream?: boolean;
  readonly thinking?: { readonly type: string };
}

/** The vendor: calls its tool first, answers once it has the result; as strict as the real one. */
const asked: Asked[] = [];
const vendor = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    const body = (await request.json()) as Asked; // what our own adapter wrote
    asked.push(body);
    const thinks = body.thinking?.type !== "disabled";
    const isMissing = ({ tool_calls, reasoning_content }: Record<string, unknown>): boolean =>
      tool_calls !== undefined && reasoning_content === undefined;
    if (thinks && body.messages.some(isMissing)) {
      const message = "The `reasoning_content` in the thinking mode must be passed back to the API.";
      const error = { message, type: "invalid_request_error", param: null, code: "invalid_request_error" };
      return Response.json({ error }, { status: 400 });
    }
    const isAnswered = body.messages.some(({ role }) => role === "tool");
    const reasoning = thinks ? { reasoning_content: "I must look." } : {};
    const delta = isAnswered ? { content: "Sunny" } : { content: "", ...reasoning, tool_calls: [CALL] };
    const finish_reason = isAnswered ? "stop" : "tool_calls";
    const names = { id: "1", created: 1, model: "deepseek-flash" };
    if (body.stream !== true) {
      const choices = [{ index: 0, message: { role: "assistant", ...delta }, finish_reason }];
      return Response.json({ ...names, object: "chat.completion", choices, usage: USAGE });
    }
    const chunk = (piece: object, finish: string | null, usage: object | null) => ({
      ...names,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta: piece, finish_reason: finish }],
      usage,
    });
    // Each chunk has both keys, one of them null (recorded by the vendor's own stream).
    const pieces = thinks && !isAnswered ? ["I must ", "look."] : [];
    const frames = [
      ...pieces.map((piece) => chunk({ content: null, reasoning_content: piece }, null, null)),
      chunk({ role: "assistant", ...delta, reasoning_content: null }, null, null),
      chunk({}, finish_reason, USAGE),
    ];
    const text = frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join("");
    return new Response(`${text}data: [DONE]\n\n`, { headers: { "content-type": "text/event-stream" } });
  },
});

let gateway: Gateway;
let client: Client;
beforeAll(async () => {
  gateway = await startGateway({
    vendors: {
      deepseek: { adapter: "deepseek", baseUrl: `http://127.0.0.1:${vendor.port}`, keys: ["sk-1"] },
    },
    models: { deep: [{ vendor: "deepseek", model: "deepseek-flash", price: { input: 1, output: 2 } }] },
  });
  client = await gateway.client("1000");
}, 90_000);
afterAll(async () => {
  await gateway.dispose();
  await vendor.stop(true);
}, 60_000);

const sdk = () => new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
const asking = { model: "deep", tools: TOOLS };
const RESULT = { role: "tool" as const, tool_call_id: "call_00", content: "sun" };

async function secondTurn(message: ChatCompletionMessageParam) {
  const answer = await sdk()
    .chat.completions.create({ ...asking, messages: [USER, message, RESULT] })
    .withResponse();
  expect(answer.data.choices[0]?.message.content).toBe("Sunny");
  return { sent: asked.at(-1), dropped: answer.response.headers.get("x-sluice-dropped") };
}

test("a message goes back as the SDK keeps it, with its reasoning", async () => {
  const completion = await sdk().chat.completions.create({ ...asking, messages: [USER] });
  const message = completion.choices[0]?.message;
  if (message === undefined) throw new Error("no message");
  const { sent, dropped } = await secondTurn(message);
  expect(sent?.messages[1]).toMatchObject({
    reasoning_content: "I must look.",
    tool_calls: [{ id: "call_00" }],
  });
  expect(sent?.thinking).toBeUndefined();
  expect(dropped).toBeNull();
});

test("a client that puts a stream together itself sends all of its pieces", async () => {
  const stream = await sdk().chat.completions.create({ ...asking, messages: [USER], stream: true });
  let reasoning = "";
  for await (const { choices } of stream) {
    // A field that OpenAI has not.
    const delta = { ...choices[0]?.delta } as { readonly reasoning_content?: string | null };
    reasoning += delta.reasoning_content ?? "";
  }
  const message = { role: "assistant", content: "", tool_calls: [CALL], reasoning_content: reasoning };
  const { sent } = await secondTurn(message as ChatCompletionMessageParam); // a field that OpenAI has not
  expect(sent?.messages[1]).toMatchObject({ reasoning_content: "I must look." });
  expect(sent?.thinking).toBeUndefined();
});

test("the SDK's own putting together keeps it whole, since it is said once more at the end", async () => {
  const completion = await sdk()
    .chat.completions.stream({ ...asking, messages: [USER] })
    .finalChatCompletion();
  const message = completion.choices[0]?.message;
  if (message === undefined) throw new Error("no message");
  const { sent, dropped } = await secondTurn(message);
  expect(sent?.messages[1]).toMatchObject({ reasoning_content: "I must look." });
  expect(sent?.messages[1]?.reasoning_details).toBeUndefined();
  expect(sent?.thinking).toBeUndefined();
  expect(dropped).toBeNull();
});

test("a client that calls it `reasoning`, as others do, is understood", async () => {
  const message = { role: "assistant" as const, content: "", tool_calls: [CALL], reasoning: "I must look." };
  const { sent } = await secondTurn(message as ChatCompletionMessageParam); // a field that OpenAI has not
  expect(sent?.messages[1]).toMatchObject({ reasoning_content: "I must look." });
  expect(sent?.messages[1]?.reasoning).toBeUndefined();
  expect(sent?.thinking).toBeUndefined();
});

test("a client that drops it is answered without thinking, and told so, rather than refused", async () => {
  const message = { role: "assistant", content: "", tool_calls: [CALL] } as ChatCompletionMessageParam; // as above
  const { sent, dropped } = await secondTurn(message);
  expect(sent?.thinking).toEqual({ type: "disabled" });
  expect(dropped).toBe("thinking");
});
