import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Gateway, startGateway } from "./gateway.ts";

/** Limits on all levels, as a client sees them. */

const rateLimit = {
  global: { qps: 1000 },
  models: { "sandbox-chat": { tpm: 2_000, concurrency: 50 } },
  api: { "/api/v1/chat": { rate: "3/hour" }, "/v1/ws": { rate: "1/hour" } },
};

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({ rateLimit });
}, 90_000);
afterAll(() => gateway.dispose());

const body = (more: object = {}): object => ({
  model: "sandbox-chat",
  messages: [{ role: "user", content: "hello" }],
  max_tokens: 50,
  ...more,
});
const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { code: string } }).error.code;

describe("a client", () => {
  test("is told of the limits on its requests and its tokens", async () => {
    const client = await gateway.client("10");
    const response = await client.post("/v1/chat/completions", body());
    expect(response.status).toBe(200);
    expect(response.headers.get("x-ratelimit-limit-requests")).toBe("1000");
    expect(response.headers.get("x-ratelimit-limit-tokens")).toBe("2000");
    const left = Number(response.headers.get("x-ratelimit-remaining-tokens"));
    expect(left).toBeWithin(1_500, 1_951);
  });

  test("gets back the tokens that its answers did not need", async () => {
    const client = await gateway.client("10");
    for (let count = 0; count < 5; count += 1) {
      const response = await client.post("/v1/chat/completions", body({ max_tokens: 1_000 }));
      expect(response.status).toBe(200);
      await response.text();
    }
  });

  test("that asks for more tokens than there can ever be is told so", async () => {
    const client = await gateway.client("10");
    const response = await client.post("/v1/chat/completions", body({ max_tokens: 5_000 }));
    expect(response.status).toBe(429);
    expect(response.headers.get("x-ratelimit-limit-tokens")).toBe("2000");
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe("rate_limit_exceeded");
    expect(error.message).toContain("Too large for the model sandbox-chat");
  });

  test("has each path's limit to itself, by the path that it calls", async () => {
    const [client, other] = [await gateway.client("10"), await gateway.client("10")];
    for (let count = 0; count < 3; count += 1) {
      expect((await client.post("/api/v1/chat", body())).status).toBe(200);
    }
    const refused = await client.post("/api/v1/chat", body());
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(60);
    expect(refused.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(await codeOf(refused)).toBe("rate_limit_exceeded");
    expect((await client.post("/v1/chat/completions", body())).status).toBe(200);
    expect((await other.post("/api/v1/chat", body())).status).toBe(200);
  });
});

test("limits that change hold without a restart; wrong ones are refused and the old ones stay", async () => {
  const client = await gateway.client("10");
  await client.post("/v1/chat/completions", body());
  await gateway.configure({ rateLimit: { ...rateLimit, global: { qps: 1, algorithm: "leaky-bucket" } } });
  await logged("cannot be leaky-bucket here");
  expect((await client.post("/v1/chat/completions", body())).status).toBe(200);
  await gateway.configure({
    rateLimit: { ...rateLimit, api: { "/v1/chat/completions": { rate: "1/day" } } },
  });
  let status = 200;
  for (let tries = 0; tries < 200 && status === 200; tries += 1) {
    await Bun.sleep(50);
    status = (await client.post("/v1/chat/completions", body())).status;
  }
  expect(status).toBe(429);
}, 60_000);

async function logged(text: string): Promise<void> {
  for (let tries = 0; tries < 200 && !gateway.log().includes(text); tries += 1) await Bun.sleep(50);
  expect(gateway.log()).toContain(text);
}
