import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Client, type Gateway, micro } from "./gateway.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";

/** One run, one answer, one charge for an Idempotency-Key, whichever node is asked and whichever dies. */
let cluster: Cluster;
let vendor: MockVendor;
let client: Client;
let keys = 0;

beforeAll(async () => {
  vendor = startMockVendor();
  cluster = await startCluster(
    {
      vendors: { mock: { adapter: "openai", baseUrl: vendor.url, keys: ["sk-mock"] } },
      models: {
        m: [{ vendor: "mock", model: "gpt-x", price: { input: 1_000, output: 1_000 }, maxOutput: 1_000 }],
      },
    },
    { nodes: 2 },
  );
  client = await node(0).client("1000");
});
afterAll(async () => {
  await cluster.dispose();
  vendor.stop();
});
beforeEach(() => {
  vendor.always({ tokens: 20 });
  keys += 1;
});

function node(index: number): Gateway {
  const found = cluster.nodes[index];
  if (found === undefined) throw new Error(`there is no node ${index}`);
  return found;
}

const question = { model: "m", messages: [{ role: "user", content: "hello" }], max_tokens: 50 };

const ask = (
  gateway: Gateway,
  body: object = question,
  key = `key-${keys}`,
  signal?: AbortSignal,
): Promise<Response> =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${client.key}`, "idempotency-key": key },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });

const spent = async (): Promise<bigint> => micro((await client.balance()).spent);

describe("an idempotency key", () => {
  test("that comes fifty times at once to both nodes is run once, charged once and answered alike", async () => {
    const [before, calls] = [await spent(), vendor.account.calls.length];
    vendor.always({ tokens: 20, pace: { headers: 300 } });
    const responses = await Promise.all(Array.from({ length: 50 }, (_, n) => ask(node(n % 2))));
    const bodies = new Set(await Promise.all(responses.map((response) => response.text())));
    expect([responses.every(({ ok }) => ok), bodies.size]).toEqual([true, 1]);
    const replayed = responses.filter(({ headers }) => headers.get("x-sluice-idempotent-replay") === "true");
    expect(replayed).toHaveLength(49);
    expect(new Set(responses.map(({ headers }) => headers.get("x-request-id"))).size).toBe(1);
    expect(vendor.account.calls.length - calls).toBe(1);
    const [cost] = responses.map(({ headers }) => headers.get("x-sluice-cost"));
    expect((await spent()) - before).toBe(micro(cost ?? ""));
  });

  test("replays a finished stream byte for byte, on the other node, too", async () => {
    const before = await spent();
    const body = { ...question, stream: true };
    const first = await (await ask(node(0), body)).text();
    expect(first).toEndWith("data: [DONE]\n\n");
    const after = await spent();
    for (const gateway of cluster.nodes) {
      const again = await ask(gateway, body);
      expect(again.headers.get("content-type")).toStartWith("text/event-stream");
      expect(await again.text()).toBe(first);
    }
    expect([after > before, await spent()]).toEqual([true, after]);
  });

  test("is for one request only", async () => {
    expect((await ask(node(0))).status).toBe(200);
    const other = await ask(node(1), { ...question, max_tokens: 51 });
    expect(other.status).toBe(409);
    expect(await other.json()).toMatchObject({ error: { code: "idempotency_conflict" } });
    const nonsense = await ask(node(0), question, "x".repeat(256));
    expect(await nonsense.json()).toMatchObject({ error: { param: "Idempotency-Key" } });
  });

  test("is free again when nothing was charged", async () => {
    vendor.always({ refusal: "server_error" });
    expect((await ask(node(0))).status).toBeGreaterThanOrEqual(500);
    vendor.always({ tokens: 5 });
    const again = await ask(node(1));
    expect([again.status, again.headers.get("x-sluice-idempotent-replay")]).toEqual([200, null]);
  });

  test("lets a client that was cut off come back for the whole answer", async () => {
    const before = await spent();
    const calls = vendor.account.calls.length;
    vendor.always({ tokens: 40, pace: { token: 10 } });
    const body = { ...question, stream: true };
    const leaving = new AbortController();
    const first = await ask(node(0), body, `key-${keys}`, leaving.signal);
    await first.body?.getReader().read();
    leaving.abort();
    const again = await ask(node(1), body);
    expect(await again.text()).toEndWith("data: [DONE]\n\n");
    expect(again.headers.get("x-sluice-idempotent-replay")).toBe("true");
    expect(vendor.account.calls.length - calls).toBe(1);
    expect(await spent()).toBeGreaterThan(before);
  });

  test("is taken over from a node that was killed, and charged once when that comes back", async () => {
    const before = await spent();
    vendor.always({ tokens: 200, pace: { token: 50 } });
    const body = { ...question, stream: true, max_tokens: 400 };
    const first = await ask(node(1), body);
    const reader = first.body?.getReader();
    // Long enough for a note of what was delivered.
    for (let read = 0; read < 30; read += 1) await reader?.read();
    await node(1).kill();
    vendor.always({ tokens: 30 });
    const again = await ask(node(0), body);
    const text = await again.text();
    expect([again.headers.get("x-sluice-idempotent-replay"), text.endsWith("data: [DONE]\n\n")]).toEqual([
      null,
      true,
    ]);
    const cost = /"cost":"([\d.]+)"/.exec(text)?.[1] ?? "";
    await node(1).restart();
    expect((await spent()) - before).toBe(micro(cost));
    expect(await node(0).admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
  });
});
