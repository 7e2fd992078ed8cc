import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI, { APIError } from "openai";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import type { Shape } from "./mock-vendor/script.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";

/** The published SDK, unchanged, against each vendor's way of speaking. */
const SHAPES: readonly Shape[] = ["openai", "deepseek", "qwen", "doubao"];
const PRICE = { input: 2, cachedInput: 1, output: 8 };

const vendors = new Map<Shape, MockVendor>();
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  for (const shape of SHAPES) vendors.set(shape, startMockVendor({ shape, keys: [`sk-secret-of-${shape}`] }));
  gateway = await startGateway({
    vendors: Object.fromEntries(
      SHAPES.flatMap((shape) => {
        const vendor = { adapter: shape, baseUrl: vendorOf(shape).url, keys: [`sk-secret-of-${shape}`] };
        // A key that was refused is set aside: the vendor that refuses one is another.
        return [
          [shape, vendor],
          [`${shape}-refusing`, vendor],
        ];
      }),
    ),
    models: Object.fromEntries(
      SHAPES.flatMap((shape) => {
        const candidate = { model: `${shape}-x`, price: PRICE, maxOutput: 500 };
        return [
          [`${shape}-model`, [{ ...candidate, vendor: shape }]],
          [`${shape}-refusing`, [{ ...candidate, vendor: `${shape}-refusing` }]],
        ];
      }),
    ),
  });
  client = await gateway.client("1000");
}, 90_000);

afterAll(async () => {
  await gateway.dispose();
  for (const vendor of vendors.values()) vendor.stop();
}, 60_000);

function vendorOf(shape: Shape): MockVendor {
  const vendor = vendors.get(shape);
  if (vendor === undefined) throw new Error(shape);
  return vendor;
}

const sdk = () => new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
const weather = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
} as const;

async function refusal(running: Promise<unknown>): Promise<APIError> {
  try {
    await running;
  } catch (thrown) {
    if (thrown instanceof APIError) return thrown;
    throw thrown;
  }
  throw new Error("was not refused");
}

describe.each(SHAPES)("the OpenAI SDK with %s", (shape) => {
  const model = `${shape}-model`;
  const messages = [{ role: "user" as const, content: "How are you?" }];

  test("chats, and the charge is what the vendor counted", async () => {
    vendorOf(shape).next({ text: "I am well today", promptTokens: 11 });
    const before = micro((await client.balance()).spent);
    const { data, response } = await sdk().chat.completions.create({ model, messages }).withResponse();
    expect(data.choices[0]?.message.content).toBe("I am well today");
    expect(data.choices[0]?.finish_reason).toBe("stop");
    expect(data.usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 4, total_tokens: 15 });
    const cost = micro(response.headers.get("x-sluice-cost") ?? "");
    expect(cost).toBe(11n * 2n + 4n * 8n);
    expect(micro((await client.balance()).spent) - before).toBe(cost);
    expect(response.headers.get("x-sluice-vendor")).toBe(shape);
    expect(response.headers.get("x-sluice-model")).toBe(`${shape}-x`);
    expect(response.headers.get("x-sluice-attempts")).toBe("1");
    expect(response.headers.get("x-request-id")).toStartWith("req_");
  });

  test("streams with usage at the end, as asked for, in OpenAI's own form", async () => {
    vendorOf(shape).next({ text: "one two three", promptTokens: 7, cachedTokens: 3 });
    const stream = await sdk().chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("one two three");
    const withUsage = chunks.filter(({ usage }) => usage !== null && usage !== undefined);
    expect(withUsage).toHaveLength(1);
    expect(withUsage[0]).toBe(chunks.at(-1));
    expect(withUsage[0]?.choices).toEqual([]);
    expect(withUsage[0]?.usage).toMatchObject({
      prompt_tokens: 7,
      completion_tokens: 3,
      prompt_tokens_details: { cached_tokens: 3 },
    });
    const reasons = chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? []);
    expect(reasons).toEqual(["stop"]);
  });

  test("streams without usage when it was not asked for, and is charged all the same", async () => {
    vendorOf(shape).next({ text: "one two", promptTokens: 5 });
    const before = micro((await client.balance()).spent);
    const stream = await sdk().chat.completions.create({ model, messages, stream: true });
    let text = "";
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      expect(chunk.usage ?? null).toBeNull();
      expect(chunk.choices).not.toEqual([]);
    }
    expect(text).toBe("one two");
    expect(micro((await client.balance()).spent) - before).toBe(5n * 2n + 2n * 8n);
  });

  test("calls tools, whole and streamed", async () => {
    const toolCalls = [{ name: "weather", arguments: '{"city":"Rome"}' }];
    vendorOf(shape).next({ toolCalls }, { toolCalls });
    const whole = await sdk().chat.completions.create({ model, messages, tools: [weather] });
    const [call] = whole.choices[0]?.message.tool_calls ?? [];
    expect(call).toMatchObject({
      type: "function",
      function: { name: "weather", arguments: '{"city":"Rome"}' },
    });
    expect(whole.choices[0]?.finish_reason).toBe("tool_calls");
    const runner = sdk().chat.completions.stream({ model, messages, tools: [weather] });
    const streamed = (await runner.finalChatCompletion()).choices[0]?.message.tool_calls?.[0];
    expect(streamed).toMatchObject({ function: { name: "weather", arguments: '{"city":"Rome"}' } });
  });

  test("is told of the client's mistakes in the vendor's words, without its key", async () => {
    vendorOf(shape).next({ refusal: "context_length" });
    const error = await refusal(sdk().chat.completions.create({ model, messages }));
    expect(error.status).toBe(400);
    expect(error.code).toBe("context_length_exceeded");
    expect(JSON.stringify(error.error)).not.toContain("sk-secret");
  });

  test("hears nothing of a wrong key of ours but that the vendor is not to be had", async () => {
    vendorOf(shape).next({ refusal: "invalid_key" });
    const error = await refusal(sdk().chat.completions.create({ model: `${shape}-refusing`, messages }));
    expect(error.status).toBe(502);
    expect(error.code).toBe("vendor_unavailable");
    expect(JSON.stringify(error.error)).not.toContain("secret");
    await gateway.admin("GET", "/ledger/reconcile");
  });
});

describe("the OpenAI SDK", () => {
  test("lists models and finds one", async () => {
    const ids = (await sdk().models.list()).data.map(({ id }) => id);
    expect(ids).toContain("qwen-model");
    expect((await sdk().models.retrieve("qwen-model")).id).toBe("qwen-model");
    expect((await refusal(sdk().models.retrieve("nope"))).status).toBe(404);
  });

  test.each(["openai", "qwen", "doubao"] as const)("embeds with %s", async (shape) => {
    const { data, usage } = await sdk().embeddings.create({ model: `${shape}-model`, input: ["a", "b"] });
    expect(data).toHaveLength(2);
    expect(data[0]?.embedding.length).toBeGreaterThan(2);
    expect(typeof data[0]?.embedding[0]).toBe("number");
    expect(usage.total_tokens).toBeGreaterThan(0);
  });

  test("completes in the legacy way", async () => {
    vendorOf("openai").next({ text: "and so on" });
    const answer = await sdk().completions.create({ model: "openai-model", prompt: "Once", max_tokens: 9 });
    expect(answer.choices[0]?.text).toBe("and so on");
  });

  test("gets typed errors", async () => {
    const messages = [{ role: "user" as const, content: "x" }];
    const wrongKey = new OpenAI({ apiKey: "sk-wrong", baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    expect(await refusal(wrongKey.chat.completions.create({ model: "qwen-model", messages }))).toBeInstanceOf(
      OpenAI.AuthenticationError,
    );
    const unknown = await refusal(sdk().chat.completions.create({ model: "nope", messages }));
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
    expect(unknown.code).toBe("model_not_found");
    const noMessages = await refusal(sdk().chat.completions.create({ model: "qwen-model", messages: [] }));
    expect(noMessages).toBeInstanceOf(OpenAI.BadRequestError);
    expect(noMessages.param).toBe("messages");
  });
});
