import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Gateway, startGateway } from "./gateway.ts";

/** A gateway whose event loop stands still again and again, while as many streams run as it must always bear. */
const RUNNING = 9;
let gateway: Gateway;
const keys: Record<string, string> = {};

beforeAll(async () => {
  gateway = await startGateway({
    server: { overload: { lag: "50ms", minInFlight: 10 } },
    models: { chat: [{ vendor: "sandbox", model: "sandbox-chat", price: "free" }] },
  });
  for (const tier of ["vip", "normal", "test"]) {
    await gateway.admin("POST", "/tenants", { id: `tenant-${tier}`, name: tier, tier });
    const made = await gateway.admin<{ key: string }>("POST", `/tenants/tenant-${tier}/keys`, { name: tier });
    keys[tier] = made.key;
  }
}, 90_000);
afterAll(() => gateway.dispose(), 60_000);

const ask = (tier: string, tokens: number, signal?: AbortSignal): Promise<Response> =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${keys[tier]}` },
    body: JSON.stringify({
      model: "chat",
      stream: tokens > 1,
      messages: [{ role: "user", content: "go" }],
      sandbox: { tokens, tokens_per_second: tokens > 1 ? 10 : 1_000, first_token_ms: 1 },
    }),
    ...(signal === undefined ? {} : { signal }),
  });

async function statusOf(tier: string): Promise<number> {
  const response = await ask(tier, 1);
  await response.arrayBuffer();
  return response.status;
}

/** The first frame that answers a `generate` on a socket of its own. */
async function firstFrame(tier: string): Promise<{ type: string; error?: { code: string } }> {
  const protocols = ["sluice.v1.json", `sluice.key.${keys[tier]}`];
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/ws`, protocols);
  const frame = Promise.withResolvers<{ type: string; error?: { code: string } }>();
  const body = { model: "chat", messages: [{ role: "user", content: "go" }] };
  socket.onopen = () => socket.send(JSON.stringify({ type: "generate", id: "a", body }));
  socket.onmessage = ({ data }) => frame.resolve(JSON.parse(String(data)));
  socket.onerror = () => frame.reject(new Error("the socket was refused"));
  try {
    return await frame.promise;
  } finally {
    socket.close();
  }
}

/** Holds the whole process up, most of the time, until the returned function is called. */
function holdUp(pid: number): () => Promise<void> {
  let isHeld = true;
  const held = (async () => {
    while (isHeld) {
      process.kill(pid, "SIGSTOP");
      await Bun.sleep(200);
      process.kill(pid, "SIGCONT");
      await Bun.sleep(30);
    }
  })();
  return async () => {
    isHeld = false;
    await held;
  };
}

test("test is refused before vip, on HTTP and on sockets, operators are not, and all are served again afterwards", async () => {
  const leave = new AbortController();
  const running = await Promise.all(Array.from({ length: RUNNING }, () => ask("vip", 2_000, leave.signal)));
  expect(running.map(({ status }) => status)).toEqual(Array.from({ length: RUNNING }, () => 200));
  // Read on: a stream that nobody reads is cancelled when its answer is collected as garbage.
  const read = running.map((response) => response.text().catch(() => "left"));
  expect(await statusOf("test")).toBe(200);

  const release = holdUp(gateway.pid);
  try {
    while ((await statusOf("test")) === 200);
    const refusal = await ask("test", 1);
    expect(refusal.status).toBe(503);
    expect(refusal.headers.get("retry-after")).toBe("4");
    expect(await refusal.json()).toMatchObject({ error: { code: "overloaded" } });
    expect(await firstFrame("test")).toMatchObject({ type: "error", error: { code: "overloaded" } });
    while ((await statusOf("normal")) === 200);
    expect(await statusOf("vip")).toBe(200);
    expect((await firstFrame("vip")).type).toBe("started");
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
    const tenant = await gateway.admin("GET", "/tenants/tenant-test/balance");
    expect(tenant).toMatchObject({ reserved: "0" });
  } finally {
    await release();
  }
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toMatch(/shed_request_total\{user_tier="test"\} [1-9]/);
  expect(metrics).toMatch(/shed_request_total\{user_tier="normal"\} [1-9]/);
  expect(metrics).toContain('shed_request_total{user_tier="vip"} 0');
  expect(gateway.log()).toContain("requests are refused, the lowest tier first");

  while ((await statusOf("test")) === 503) await Bun.sleep(50);
  expect(await statusOf("test")).toBe(200);
  leave.abort();
  expect(await Promise.all(read)).toEqual(running.map(() => "left"));
}, 60_000);
