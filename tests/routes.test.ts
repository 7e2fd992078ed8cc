import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Client, type Gateway, startGateway } from "./gateway.ts";

/** Every way in, as the gateway itself lists them: none escapes identity, limits and metering. */
let gateway: Gateway;
let client: Client;
let operations: { readonly method: string; readonly path: string }[];

beforeAll(async () => {
  gateway = await startGateway({
    models: {
      "sandbox-chat": [{ vendor: "sandbox", model: "sandbox-chat", price: { input: 1, output: 3 } }],
    },
  });
  client = await gateway.client("10");
  const description = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
  );
}, 60_000);
afterAll(() => gateway.dispose(), 60_000);

/** Open to everybody: they tell nothing of anybody. */
const PUBLIC = /^\/(health\/(live|ready)|actuator\/health|metrics|openapi\.json|docs(\/.*)?)$/;

const isSocket = (path: string) => path === "/v1/ws" || path === "/v1/realtime";

const filled = (path: string) => path.replaceAll(/\{[^}]+\}/g, "some-id");

async function ask(method: string, path: string, headers: Record<string, string> = {}): Promise<Response> {
  const hasBody = method !== "GET" && method !== "DELETE" && method !== "HEAD";
  return fetch(gateway.url + filled(path), { method, headers, ...(hasBody ? { body: "{}" } : {}) });
}

test("there are routes of every kind", () => {
  const paths = new Set(operations.map(({ path }) => path));
  for (const path of [
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/moderations",
    "/v1/rerank",
    "/v1/audio/speech",
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
    "/v1/realtime",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/responses",
    "/v1/responses/{id}",
    "/v1/responses/{id}/input_items",
    "/v1/models",
    "/api/v1/chat",
    "/v1/streams/{id}",
    "/v1/ws",
    "/v1/ws/tickets",
    "/v1/media",
    "/v1/media/{id}",
    "/v1/webhooks/secret",
    "/v1/webhooks/deliveries",
    "/v1/webhooks/deliveries/{id}/resend",
    "/v1/webhooks/test",
    "/v1/images/generations",
    "/v1/images/edits",
    "/api/v1/image",
    "/mj/submit/imagine",
    "/mj-turbo/mj/submit/imagine",
    "/mj/task/{id}/fetch",
    "/mj/task/list-by-condition",
    "/v1/tasks",
    "/v1/tasks/{id}/events",
    "/v1/files",
    "/v1/files/{id}/content",
    "/v1/batches",
    "/v1/batches/{id}/cancel",
    "/v1/balance",
    "/v1/usage",
    "/v1/receipts/{request_id}",
    "/v1/explain/{request_id}",
    "/admin/v1/tenants",
    "/admin/v1/ledger/reconcile",
    "/health/live",
    "/metrics",
  ]) {
    expect(paths).toContain(path);
  }
});

test("without credentials, and with wrong ones, every route but the public ones answers 401", async () => {
  for (const { method, path } of operations) {
    if (PUBLIC.test(path)) continue;
    for (const headers of [
      {},
      { authorization: "Bearer sk-wrong" },
      { "x-api-key": "sk-wrong" },
      { "mj-api-secret": "x" },
    ]) {
      const upgrade = isSocket(path) ? { connection: "upgrade", upgrade: "websocket" } : {};
      const response = await ask(method, path, { ...headers, ...upgrade });
      const body = (await response.json()) as {
        error: { code: string; request_id?: string; details?: { metadata?: Record<string, string> }[] };
        request_id?: string;
      };
      // Gemini's dialect has the code and the request in details.
      const { code, request_id } = body.error.details?.[0]?.metadata ?? body.error;
      expect([method, path, response.status, code]).toEqual([method, path, 401, "invalid_api_key"]);
      // Anthropic's dialect has it beside the error.
      const id = request_id ?? body.request_id;
      expect(id).toBe(response.headers.get("x-request-id") ?? "none");
    }
  }
});

test("a client's key opens nothing of the admin API, and the admin key nothing of a client's", async () => {
  for (const { method, path } of operations) {
    if (PUBLIC.test(path) || isSocket(path)) continue;
    const isAdmin = path.startsWith("/admin/");
    const key = isAdmin ? client.key : "sk-admin-for-tests";
    const response = await ask(method, path, { authorization: `Bearer ${key}` });
    await response.text();
    expect([method, path, response.status]).toEqual([method, path, 401]);
  }
});

test("an unknown path tells so, and is counted without its name", async () => {
  const response = await fetch(`${gateway.url}/v1/nonsense`);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ error: { code: "not_found" } });
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).not.toContain("nonsense");
});

test("a known path with a wrong method tells which one is right", async () => {
  for (const [method, path, right] of [
    ["GET", "/v1/chat/completions", "POST"],
    ["POST", "/v1/models", "GET"],
    ["PUT", "/v1/streams/str_1", "GET or DELETE"],
    ["GET", "/admin/v1/keys/key_1", "DELETE"],
  ] as const) {
    const response = await fetch(gateway.url + path, { method });
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect([response.status, error.code]).toEqual([405, "method_not_allowed"]);
    expect(error.message).toEndWith(`use ${right}.`);
  }
});

describe("metering", () => {
  const messages = [{ role: "user", content: "hi" }];
  const contents = [{ role: "user", parts: [{ text: "hi" }] }];
  const WAYS: readonly (readonly [string, object])[] = [
    ["/v1/chat/completions", { model: "sandbox-chat", messages }],
    ["/v1/chat/completions", { model: "sandbox-chat", messages, stream: true }],
    ["/api/v1/chat", { model: "sandbox-chat", messages }],
    ["/v1/completions", { model: "sandbox-chat", prompt: "hi" }],
    ["/v1/messages", { model: "sandbox-chat", max_tokens: 50, messages }],
    ["/v1/messages", { model: "sandbox-chat", max_tokens: 50, messages, stream: true }],
    ["/v1beta/models/sandbox-chat:generateContent", { contents }],
    ["/v1beta/models/sandbox-chat:streamGenerateContent", { contents }],
    ["/v1beta/models/sandbox-chat:streamGenerateContent?alt=sse", { contents }],
    ["/v1/models/sandbox-chat:generateContent", { contents }],
    ["/v1/moderations", { model: "sandbox-chat", input: "hi" }],
    ["/v1/rerank", { model: "sandbox-chat", query: "hi", documents: ["a", "b"] }],
    ["/v1/audio/speech", { model: "sandbox-chat", input: "hi", voice: "any" }],
    ["/v1/responses", { model: "sandbox-chat", input: "hi" }],
    ["/v1/responses", { model: "sandbox-chat", input: "hi", stream: true }],
  ];

  test.each(WAYS)("%s with %j is on a receipt with its price, and in the metrics", async (path, body) => {
    const response = await client.post(path, body);
    await response.text();
    expect(response.status).toBe(200);
    const id = response.headers.get("x-request-id") ?? "";
    const receipt = (await (await client.get(`/v1/receipts/${id}`)).json()) as {
      charged: string;
      price: object;
    };
    expect(Number(receipt.charged)).toBeGreaterThan(0);
    expect(receipt.price).toMatchObject({ input: "1", output: "3" });
    expect((await client.get(`/v1/explain/${id}`)).status).toBe(200);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    const endpoint = path.replace(/\?.*$/, "").replace("/sandbox-chat:", "/{model}:");
    expect(metrics).toContain(`api_request_total{method="POST",endpoint="${endpoint}",status="200"}`);
    for (const name of [
      "ai_model_response_time",
      "ai_time_to_first_token",
      "cost_per_request",
      "active_streams",
      "open_websockets",
      "event_loop_lag_seconds",
      "process_resident_memory_bytes",
    ]) {
      expect(metrics).toContain(name);
    }
  });

  test("another tenant finds neither the receipt nor the explanation", async () => {
    const response = await client.post("/v1/chat/completions", { model: "sandbox-chat", messages });
    const id = response.headers.get("x-request-id") ?? "";
    const other = await gateway.client("1");
    expect((await other.get(`/v1/receipts/${id}`)).status).toBe(404);
    expect((await other.get(`/v1/explain/${id}`)).status).toBe(404);
  });
});

describe("limits", () => {
  test("a key's rate refuses with what the limit is and when to come back", async () => {
    const limited = await gateway.client("1", { limits: { qps: 2, burst: 3 } });
    const ask = () => limited.post("/v1/embeddings", { model: "sandbox-embedding", input: "x" });
    const answers = await Promise.all(Array.from({ length: 8 }, ask));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(refused).toHaveLength(5);
    // Three in any one and a half seconds.
    expect(refused[0]?.headers.get("retry-after")).toBe("2");
    expect(refused[0]?.headers.get("x-ratelimit-limit-requests")).toBe("3");
    expect(refused[0]?.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(await refused[0]?.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
  });

  test("an empty balance is 402, a part of one caps the answer", async () => {
    const empty = await gateway.client("0");
    const body = { model: "sandbox-chat", messages: [{ role: "user", content: "x" }], max_tokens: 1_000 };
    const refused = await empty.post("/v1/chat/completions", body);
    expect(refused.status).toBe(402);
    expect(await refused.json()).toMatchObject({ error: { code: "insufficient_points" } });
    const poor = await gateway.client("0.0005");
    const capped = await poor.post("/v1/chat/completions", {
      ...body,
      sandbox: { tokens: 900, tokens_per_second: 0 },
    });
    expect(capped.status).toBe(200);
    const tokens = Number(capped.headers.get("x-sluice-capped"));
    expect(tokens).toBeGreaterThan(50);
    expect(tokens).toBeLessThan(170);
    const answer = (await capped.json()) as {
      usage: { completion_tokens: number };
      choices: { finish_reason: string }[];
    };
    expect(answer.usage.completion_tokens).toBe(tokens);
    expect(answer.choices[0]?.finish_reason).toBe("length");
  });

  test("a key's scopes, models, expiry and addresses are kept", async () => {
    const messages = [{ role: "user", content: "x" }];
    const code = async (options: object, model = "sandbox-chat") => {
      const limited = await gateway.client("1", options);
      const response = await limited.post("/v1/chat/completions", { model, messages });
      if (response.ok) return 200;
      return ((await response.json()) as { error: { code: string } }).error.code;
    };
    expect(await code({ models: ["sandbox-*"], scopes: ["chat"] })).toBe(200);
    expect(await code({ models: ["gpt-*"] })).toBe("permission_denied");
    expect(await code({ scopes: ["embeddings"] })).toBe("permission_denied");
    expect(await code({ ips: ["10.1.2.0/24"] })).toBe("ip_not_allowed");
    expect(await code({ ips: ["127.0.0.0/8"] })).toBe(200);
    expect(await code({ expires_at: new Date(Date.now() + 3_600_000).toISOString() })).toBe(200);
    expect(await code({ vendors: ["nobody"] })).toBe("permission_denied");
    expect(await code({ budget: { points: "0.000001", period: "day" } })).toBe("budget_exceeded");
    expect(await code({}, "no-such-model")).toBe("model_not_found");
  });

  test("bodies that are no JSON, or too long, are told apart", async () => {
    const broken = await client.post("/v1/chat/completions", '{"model":');
    expect([broken.status, ((await broken.json()) as { error: { code: string } }).error.code]).toEqual([
      400,
      "invalid_json",
    ]);
    const long = await client.post("/v1/chat/completions", `{"model":"${"x".repeat(33 * 1024 * 1024)}"}`);
    expect([long.status, ((await long.json()) as { error: { code: string } }).error.code]).toEqual([
      413,
      "payload_too_large",
    ]);
  });
});
