import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Client, type Gateway, micro, sluiceComment, startGateway } from "./gateway.ts";
import { EMPTY, HALF_JSON, HTML, type Script, SILENCE } from "./mock-vendor/script.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";

/** What a client sees, and is charged, when its vendor misbehaves; and that another one takes over in time. */
const PRICE = { input: 2, output: 8 };
const timeouts = { firstToken: "700ms", idle: "700ms", total: "2s" };

const PAIRS = 100;

let pair = 0;
let first: MockVendor;
let second: MockVendor;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  first = startMockVendor();
  second = startMockVendor();
  const vendor = (mock: MockVendor) => ({
    adapter: "openai-compatible",
    baseUrl: mock.url,
    keys: ["sk-vendor-secret"],
    timeouts,
  });
  const vendors: Record<string, object> = {};
  const models: Record<string, object[]> = {};
  // A pair for each test: what one vendor's breaker learned must not decide the next test.
  for (let pair = 1; pair <= PAIRS; pair += 1) {
    vendors[`first-${pair}`] = vendor(first);
    vendors[`second-${pair}`] = vendor(second);
    const candidate = (name: string) => ({
      vendor: `${name}-${pair}`,
      model: "m",
      price: PRICE,
      maxOutput: 100,
    });
    models[`alone-${pair}`] = [candidate("first")];
    models[`both-${pair}`] = [candidate("first"), candidate("second")];
  }
  gateway = await startGateway({ vendors, models, routing: { strategy: "priority" } });
  client = await gateway.client("1000");
}, 90_000);

afterAll(async () => {
  await gateway.dispose();
  first.stop();
  second.stop();
}, 60_000);

const body = (model: "alone" | "both", stream: boolean) => ({
  model: `${model}-${pair}`,
  stream,
  messages: [{ role: "user", content: "How are you?" }],
});
const spent = async () => micro((await client.balance()).spent);

const BEFORE_CONTENT: readonly (readonly [string, Script])[] = [
  ["HTML", HTML],
  ["half a JSON", HALF_JSON],
  ["an empty 200", EMPTY],
  ["nothing", SILENCE],
  ["a 500", { refusal: "server_error" }],
  ["an overload", { refusal: "overloaded" }],
  ["a rate limit", { refusal: "rate_limit" }],
  ["a wrong key", { refusal: "invalid_key" }],
  ["no money of ours", { refusal: "no_money" }],
  ["an unknown model", { refusal: "unknown_model" }],
  ["silence before headers", { hold: "headers" }],
];

describe.each([false, true])("with stream: %p", (stream) => {
  test.each(BEFORE_CONTENT)("%s: nothing is charged, and the client hears why", async (_what, script) => {
    await fresh();
    first.always(script);
    const before = await spent();
    const response = await client.post("/v1/chat/completions", body("alone", stream));
    expect(response.status).toBeGreaterThanOrEqual(429);
    const { error } = (await response.json()) as {
      error: { code: string; message: string; request_id: string };
    };
    expect(["vendor_unavailable", "vendor_timeout", "rate_limit_exceeded", "overloaded"]).toContain(
      error.code,
    );
    expect(error.message).not.toContain("secret");
    expect(error.request_id).toBe(response.headers.get("x-request-id") ?? "");
    expect(await spent()).toBe(before);
    first.release();
  });

  test.each(BEFORE_CONTENT)("%s: another vendor answers instead", async (_what, script) => {
    await fresh();
    first.always(script);
    second.always({ text: "from the second", promptTokens: 4 });
    const before = await spent();
    const response = await client.post("/v1/chat/completions", body("both", stream));
    expect(response.status).toBe(200);
    expect(response.headers.get("x-sluice-vendor")).toBe(`second-${pair}`);
    expect(response.headers.get("x-sluice-attempts")).toBe("2");
    expect(await response.text()).toContain(stream ? "second" : "from the second");
    expect((await spent()) - before).toBe(4n * 2n + 3n * 8n);
    first.release();
  });

  test("a refusal of the request itself goes to no other vendor", async () => {
    await fresh();
    first.always({ refusal: "context_length" });
    second.always({ text: "no" });
    const calls = second.account.calls.length;
    const response = await client.post("/v1/chat/completions", body("both", stream));
    expect(response.status).toBe(400);
    expect(second.account.calls.length).toBe(calls);
  });
});

describe("a stream that breaks after its first token", () => {
  const BROKEN: readonly (readonly [string, Script])[] = [
    ["is cut inside a frame", { tokens: 9, pace: { token: 10 }, cut: { afterTokens: 4, inside: "frame" } }],
    [
      "is cut inside a character",
      { text: "ä ö ü ß é", pace: { token: 10 }, cut: { afterTokens: 3, inside: "character" } },
    ],
    ["is reset", { tokens: 9, pace: { token: 10 }, cut: { afterTokens: 4, how: "reset" } }],
    ["ends well as HTTP goes, but in the middle", { tokens: 9, cut: { afterTokens: 4, how: "end" } }],
    ["has all its words but no end marker", { tokens: 9, end: "none" }],
    ["falls silent", { tokens: 9, hold: { afterTokens: 4 } }],
  ];

  test.each(BROKEN)(
    "and %s: is truncated, never ends like a whole one, and costs what was delivered",
    async (_what, script) => {
      await fresh();
      first.always(script);
      const before = await spent();
      const text = await (await client.post("/v1/chat/completions", body("alone", true))).text();
      expect(text).not.toContain("[DONE]");
      expect(text).toContain('"code":"stream_truncated"');
      const told = sluiceComment(text);
      expect(told?.outcome).toBe("truncated");
      const charged = (await spent()) - before;
      expect(charged).toBe(micro(told?.cost ?? ""));
      expect(charged).toBeGreaterThan(0n);
      first.release();
    },
  );

  test("with the vendor's own error inside: has failed, and costs nothing", async () => {
    await fresh();
    first.always({
      tokens: 9,
      failure: { afterTokens: 3, error: { message: "boom", type: "server_error", code: null, param: null } },
    });
    const before = await spent();
    const text = await (await client.post("/v1/chat/completions", body("alone", true))).text();
    expect(text).not.toContain("[DONE]");
    expect(sluiceComment(text)?.outcome).toBe("failed");
    expect(await spent()).toBe(before);
  });
});

describe("usage that is not what it should be", () => {
  test.each([
    ["missing", "usage_estimated"],
    ["negative", "usage_estimated"],
  ] as const)("%s: is estimated, and the receipt says so", async (usage, flag) => {
    await fresh();
    first.always({ tokens: 9, usage });
    const response = await client.post("/v1/chat/completions", body("alone", true));
    const text = await response.text();
    expect(text).toContain("[DONE]");
    expect(micro(sluiceComment(text)?.cost ?? "0")).toBeGreaterThan(0n);
    const receipt = await receiptOf(response);
    expect(receipt.flags).toContain(flag);
  });

  test("told twice is charged once", async () => {
    await fresh();
    first.always({ tokens: 9, promptTokens: 5, usage: "twice" });
    const before = await spent();
    await (await client.post("/v1/chat/completions", body("alone", true))).text();
    expect((await spent()) - before).toBe(5n * 2n + 9n * 8n);
  });

  const tokens = (prompt_tokens: number, completion_tokens: number) => ({
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
  });

  test.each([
    ["of numbers that are none", "huge", true],
    ["of more output than the answer can have", tokens(5, 9e9), true],
    ["of more output than the answer can have, in a whole one", tokens(5, 9e9), false],
    ["of a longer prompt than was sent", tokens(9e9, 9), true],
  ] as const)("huge, %s: costs what was delivered, and the receipt says so", async (_, usage, stream) => {
    await fresh();
    const owner = await gateway.client("0.01");
    first.always({ tokens: 9, usage });
    const response = await owner.post("/v1/chat/completions", body("alone", stream));
    await response.text();
    const { balance, spent: charged } = await owner.balance();
    expect(micro(charged)).toBeGreaterThan(0n);
    expect(micro(charged)).toBeLessThan(500n);
    expect(micro(balance) + micro(charged)).toBe(10_000n);
    const receipt = await receiptOf(response, owner);
    expect(receipt.flags).toEqual(["usage_estimated"]);
  });
});

test("in the end every hold was given back and the books are right", async () => {
  await fresh();
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
  const { balance, available, reserved } = await client.balance();
  expect(reserved).toBe("0");
  expect(balance).toBe(available);
});

/** A pair of vendors that nothing happened to. */
async function fresh(): Promise<void> {
  await settled();
  pair += 1;
  first.always({});
  second.always({});
}

/** Waits until nothing runs any more. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 100; turns += 1) {
    if ((await client.balance()).reserved === "0") return;
    await Bun.sleep(50);
  }
}

async function receiptOf(response: Response, owner: Client = client): Promise<{ flags: string[] }> {
  const id = response.headers.get("x-request-id") ?? "";
  await owner.balance(); // what is booked after this is there to be read
  return (await (await owner.get(`/v1/receipts/${id}`)).json()) as { flags: string[] };
}
