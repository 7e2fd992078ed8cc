import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { type MockAnthropic, startMockAnthropic } from "./mock-anthropic.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";

/** Streams of Anthropic's dialect that more than one vendor gives, that are taken up again, and the sandbox's. */
const KEY = "sk-ant-key-of-the-vendor";
const PRICE = { input: 2, output: 8 };

let claude: MockAnthropic;
let other: MockVendor;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  claude = startMockAnthropic(KEY);
  other = startMockVendor({ shape: "openai" });
  const candidate = (vendor: string, model: string, quality: number) => ({
    ...{ vendor, model, quality, price: PRICE, maxOutput: 500 },
  });
  gateway = await startGateway({
    routing: { strategy: "quality" },
    vendors: {
      claude: { adapter: "anthropic", baseUrl: claude.url, keys: [KEY] },
      other: { adapter: "openai", baseUrl: other.url, keys: ["sk-mock-0123456789"] },
    },
    models: {
      both: [candidate("claude", "claude-opus-4-8", 0.9), candidate("other", "gpt-4.1", 0.5)],
      back: [candidate("other", "gpt-4.1", 0.9), candidate("claude", "claude-opus-4-8", 0.5)],
      claude: [candidate("claude", "claude-opus-4-8", 0.9)],
      other: [candidate("other", "gpt-4.1", 0.5)],
      "sandbox-chat": [{ vendor: "sandbox", model: "sandbox-chat", price: PRICE }],
    },
  });
  client = await gateway.client("1000");
}, 90_000);

afterAll(async () => {
  await gateway.dispose();
  claude.stop();
  other.stop();
}, 60_000);

const sdk = () => new Anthropic({ apiKey: client.key, baseURL: gateway.url, maxRetries: 0 });
const asking = {
  max_tokens: 100,
  messages: [{ role: "user" as const, content: "Which is the longest river?" }],
};
const spent = async () => micro((await client.balance()).spent);

describe("an answer that another vendor goes on with", () => {
  test("is one message for the SDK, and one charge", async () => {
    const usage = { input_tokens: 10, output_tokens: 4 };
    claude.next({ content: [{ type: "text", text: "The longest river is the" }], usage, cutAfter: 7 });
    other.next({ text: "Nile, in Africa.", promptTokens: 30 });
    const before = await spent();
    const stream = sdk().messages.stream({ model: "both", ...asking });
    const message = await stream.finalMessage();
    expect(message.content).toHaveLength(1);
    expect(message.content[0]).toMatchObject({ type: "text" });
    expect(JSON.stringify(message.content)).toContain("The longest river is Nile, in Africa.");
    expect(message.stop_reason).toBe("end_turn");
    expect(message.id).toBe("msg_1");
    const { input_tokens, output_tokens } = message.usage;
    expect(input_tokens).toBe(10 + 30);
    expect((await spent()) - before).toBe(BigInt(input_tokens * 2 + output_tokens * 8));
  });

  test("is one message as well when the one that goes on speaks the dialect", async () => {
    other.next({ text: "It is the Nile in", cut: { afterTokens: 4 }, pace: { token: 30 } });
    claude.next({ content: [{ type: "text", text: " in Africa." }] });
    const message = await sdk()
      .messages.stream({ model: "back", ...asking })
      .finalMessage();
    expect(message.content).toMatchObject([{ type: "text", text: "It is the Nile in Africa." }]);
    expect(JSON.stringify(claude.asked.at(-1)?.messages)).toContain("It is the Nile");
  });
});

describe("a resumable stream", () => {
  const resumable = { "x-sluice-resumable": "true", "anthropic-version": "2023-06-01" };

  test.each(["claude", "other", "sandbox-chat"])("of %s is told again from any event on", async (model) => {
    claude.next({ content: [{ type: "text", text: "one two three" }] });
    other.next({ text: "one two three" });
    const response = await client.post("/v1/messages", { model, ...asking, stream: true }, resumable);
    const id = response.headers.get("x-sluice-stream") ?? "";
    const frames = (await response.text()).split("\n\n").filter((frame) => frame !== "");
    const ids = frames.flatMap((frame) => /^id: (\d+)$/m.exec(frame)?.[1] ?? []);
    expect(ids).toEqual(ids.map((_, at) => String(at + 1)));
    expect(frames.at(-1)).toContain("event: message_stop");
    for (const after of [1, 3, ids.length - 1]) {
      const again = await client.get(`/v1/streams/${id}?after=${after}`);
      const told = (await again.text()).split("\n\n").filter((frame) => frame !== "");
      expect(told).toEqual(frames.filter((frame) => Number(/^id: (\d+)$/m.exec(frame)?.[1] ?? 1e9) > after));
    }
  });

  test("is read by the SDK like any other", async () => {
    other.next({ text: "one two three" });
    const stream = sdk().messages.stream({ model: "other", ...asking }, { headers: resumable });
    expect(await stream.finalText()).toBe("one two three");
  });

  test("must be a stream", async () => {
    const response = await client.post("/v1/messages", { model: "other", ...asking }, resumable);
    expect([response.status, await response.json()]).toMatchObject([400, { error: { param: "stream" } }]);
  });
});

describe("the sandbox", () => {
  const model = "sandbox-chat";

  test("answers the SDK, whole and streamed, and is charged by what it counts", async () => {
    for (const isStream of [false, true]) {
      const before = await spent();
      const { messages } = sdk();
      const message = isStream
        ? await messages.stream({ model, ...asking }).finalMessage()
        : await messages.create({ model, ...asking });
      expect(message.content[0]).toMatchObject({ type: "text" });
      const { input_tokens, output_tokens } = message.usage;
      expect(output_tokens).toBeGreaterThan(0);
      expect((await spent()) - before).toBe(BigInt(input_tokens * 2 + output_tokens * 8));
    }
  });
});

describe("the list of models", () => {
  test("is what Anthropic's SDK lists", async () => {
    const ids = [];
    for await (const { id, type } of sdk().models.list({ limit: 2 })) ids.push([type, id]);
    expect(ids).toContainEqual(["model", "both"]);
    expect(ids).toContainEqual(["model", "sandbox-chat"]);
    expect(new Set(ids.map(([, id]) => id)).size).toBe(ids.length);
    expect(await sdk().models.retrieve("both")).toMatchObject({ type: "model", id: "both" });
  });

  test("is OpenAI's for everybody else", async () => {
    expect(await (await client.get("/v1/models")).json()).toMatchObject({ object: "list" });
  });
});

test("the books are right", async () => {
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});
