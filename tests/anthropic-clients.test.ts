import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import type { MessageParam } from "@anthropic-ai/sdk/resources/messages";
import { micro } from "./gateway.ts";
import { costOf, startTextVendors, type TextVendors } from "./text-vendors.ts";

/** What every client of Anthropic's dialect meets, whoever serves: errors, limits, keys. */
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
const asking = { max_tokens, messages };

async function refusal(running: Promise<unknown>): Promise<APIError> {
  const thrown = await running.catch((error: unknown) => error);
  if (thrown instanceof APIError) return thrown;
  throw new Error(`was not refused: ${JSON.stringify(thrown)}`);
}

/** Sluice's own code in an error, wherever the SDK puts the body. */
const codeOf = (error: APIError): unknown => (error.error as { error?: { code?: string } }).error?.code;

describe("the Anthropic SDK", () => {
  test("gets its classes of errors", async () => {
    const wrong = await refusal(sdk("sk-wrong").messages.create({ model: "qwen-model", ...asking }));
    expect(wrong).toBeInstanceOf(Anthropic.AuthenticationError);
    expect([wrong.type, codeOf(wrong)]).toEqual(["authentication_error", "invalid_api_key"]);
    const unknown = await refusal(sdk().messages.create({ model: "nope", ...asking }));
    expect(unknown).toBeInstanceOf(Anthropic.NotFoundError);
    expect([unknown.type, codeOf(unknown)]).toEqual(["not_found_error", "model_not_found"]);
    expect(unknown.requestID).toStartWith("req_");
    const { key: poor } = await vendors.gateway.client("0");
    const broke = await refusal(sdk(poor).messages.create({ model: "qwen-model", ...asking }));
    expect([broke.status, broke.type, codeOf(broke)]).toEqual([402, "billing_error", "insufficient_points"]);
    const { key: narrow } = await vendors.gateway.client("1", { models: ["gpt-*"] });
    const denied = await refusal(sdk(narrow).messages.create({ model: "qwen-model", ...asking }));
    expect(denied).toBeInstanceOf(Anthropic.PermissionDeniedError);
    const { key: slow } = await vendors.gateway.client("10", { limits: { qps: 1, burst: 1 } });
    vendors.says("qwen", { text: "a", prompt: 1, completion: 1 });
    await sdk(slow).messages.create({ model: "qwen-model", ...asking });
    const limited = await refusal(sdk(slow).messages.create({ model: "qwen-model", ...asking }));
    expect(limited).toBeInstanceOf(Anthropic.RateLimitError);
    expect([limited.type, limited.headers?.get("retry-after")]).toEqual(["rate_limit_error", "1"]);
  });

  test.each([
    [{ model: "qwen-model", messages }, "max_tokens"],
    [{ model: "qwen-model", max_tokens: 5 }, "messages"],
    [
      { model: "qwen-model", max_tokens: 5, messages: [{ role: "system", content: "x" }] },
      "messages[0].role",
    ],
    [
      { ...asking, model: "qwen-model", tools: [{ type: "web_search_20250305", name: "w" }] },
      "tools[0].type",
    ],
    [{ ...asking, model: "qwen-model", tools: [{ type: "bash_20250124", name: "bash" }] }, "tools[0].type"],
    [{ ...asking, model: "qwen-model", mcp_servers: [{}] }, "mcp_servers"],
  ])("is told which field is wrong: %#", async (body, param) => {
    const response = await vendors.client.post("/v1/messages", body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", param },
      request_id: response.headers.get("request-id"),
    });
  });

  test("is told in its own form of bodies that are no JSON or too long, and of wrong methods", async () => {
    const broken = await vendors.client.post("/v1/messages", '{"model":');
    expect(await broken.json()).toMatchObject({ type: "error", error: { code: "invalid_json" } });
    const long = await vendors.client.post("/v1/messages", `{"model":"${"x".repeat(33 * 1024 * 1024)}"}`);
    expect(long.status).toBe(413);
    expect(await long.json()).toMatchObject({ type: "error", error: { type: "request_too_large" } });
    const wrong = await vendors.client.get("/v1/messages");
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await wrong.json()).toMatchObject({ type: "error" });
  });

  test("is told what another vendor does without", async () => {
    vendors.says("openai", { text: "a", prompt: 1, completion: 1 });
    const response = await vendors.client.post("/v1/messages", {
      model: "openai-model",
      max_tokens,
      top_k: 5,
      messages: [
        { role: "user", content: [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }] },
        { role: "assistant", content: "It is" },
      ],
    });
    const dropped = response.headers.get("x-sluice-dropped")?.split(", ");
    expect(dropped?.toSorted()).toEqual(["cache_control", "messages.prefill", "top_k"]);
  });

  test("sees its limits in Anthropic's headers", async () => {
    const { key } = await vendors.gateway.client("10", { limits: { qps: 5, burst: 5 } });
    vendors.says("qwen", { text: "a", prompt: 1, completion: 1 });
    const { response } = await sdk(key)
      .messages.create({ model: "qwen-model", ...asking })
      .withResponse();
    expect(response.headers.get("anthropic-ratelimit-requests-limit")).toBe("5");
    expect(response.headers.get("anthropic-ratelimit-requests-remaining")).toBe("4");
    expect(Date.parse(response.headers.get("anthropic-ratelimit-requests-reset") ?? "")).toBeGreaterThan(0);
    expect(response.headers.get("x-ratelimit-limit-requests")).toBe("5");
  });

  test.each([
    ["doubao", false],
    ["doubao", true],
    ["anthropic", false],
    ["anthropic", true],
  ] as const)(
    "gets the same message of %s under the same key, once charged (streamed: %p)",
    async (vendor, stream) => {
      const said = { text: "only once", prompt: 7, completion: 2 };
      vendors.says(vendor, said);
      const before = await spent();
      const body = { ...asking, model: `${vendor}-model`, stream };
      const headers = { "idempotency-key": `message-${vendor}-${stream}` };
      const [first, second] = [
        await vendors.client.post("/v1/messages", body, headers),
        await vendors.client.post("/v1/messages", body, headers),
      ];
      expect(await second?.text()).toBe((await first?.text()) ?? "");
      expect(second?.headers.get("x-sluice-idempotent-replay")).toBe("true");
      expect((await spent()) - before).toBe(costOf(said));
      const other = await vendors.client.post("/v1/messages", { ...body, max_tokens: 9 }, headers);
      expect([other.status, await other.json()]).toMatchObject([409, { error: { type: "conflict_error" } }]);
    },
  );
});

describe("the count of a prompt's tokens", () => {
  const prompt = { messages, system: "Be brief." };

  test("is Anthropic's own where it serves the model, and costs nothing", async () => {
    vendors.claude.next({ usage: { input_tokens: 2_095 } });
    const before = await spent();
    const { data, response } = await sdk()
      .messages.countTokens({ model: "anthropic-model", ...prompt, thinking: { type: "adaptive" } })
      .withResponse();
    expect(data).toEqual({ input_tokens: 2_095 });
    expect(vendors.asked("anthropic")).toEqual({
      ...prompt,
      model: "claude-opus-4-8",
      thinking: { type: "adaptive" },
    });
    expect(response.headers.get("x-sluice-vendor")).toBe("anthropic");
    expect(response.headers.get("x-sluice-cost")).toBe("0");
    expect(await spent()).toBe(before);
  });

  test("is an estimate where nobody counts, or whoever does fails, and says so", async () => {
    const asked = { model: "qwen-model", ...prompt };
    const { data, response } = await sdk().messages.countTokens(asked).withResponse();
    expect(data.input_tokens).toBe(Math.ceil("How are you?Be brief.".length / 4));
    expect(response.headers.get("x-sluice-estimated")).toBe("true");
    expect(response.headers.get("x-sluice-vendor")).toBeNull();
    vendors.claude.next({ error: { status: 529, type: "overloaded_error", message: "Overloaded" } });
    const failed = await sdk()
      .messages.countTokens({ model: "anthropic-model", ...prompt })
      .withResponse();
    expect(failed.response.headers.get("x-sluice-estimated")).toBe("true");
    vendors.says("anthropic", { text: "still there", prompt: 1, completion: 1 });
    await sdk().messages.create({ model: "anthropic-model", ...asking });
  });

  test("is refused as a message would be, and takes from the same limits", async () => {
    const unknown = await refusal(sdk().messages.countTokens({ model: "nope", ...prompt }));
    expect([unknown.status, codeOf(unknown)]).toEqual([404, "model_not_found"]);
    vendors.claude.next({ error: { status: 400, type: "invalid_request_error", message: "no such thing" } });
    const refused = await refusal(sdk().messages.countTokens({ model: "anthropic-model", ...prompt }));
    expect([refused.status, refused.type]).toEqual([400, "invalid_request_error"]);
    const { key } = await vendors.gateway.client("1", { limits: { qps: 1, burst: 2 } });
    const count = () => sdk(key).messages.countTokens({ model: "qwen-model", ...prompt });
    await count();
    const second = await count().withResponse();
    expect(second.response.headers.get("anthropic-ratelimit-requests-remaining")).toBe("0");
    expect((await refusal(count())).status).toBe(429);
  });
});

test("the books are right", async () => {
  expect(await vendors.gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});
