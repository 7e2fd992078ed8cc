import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { GOOD_KEY, type RealtimeVendor, startRealtimeVendor } from "./mock-realtime-vendor.ts";

/** Clients of conversations who would have more than they pay for. */
let vendor: RealtimeVendor;
let gateway: Gateway;

/** 60 text, 500 sound and 640 cached tokens in; 10 text and 60 sound tokens out; in micropoints. */
const EACH = BigInt(60 * 4 + 500 * 32 + 640 * 0.4 + 10 * 16 + 60 * 64);
/** At least as many tokens as the vendor says that it reads. */
const INSTRUCTIONS = { type: "session.update", session: { instructions: "Be kind. ".repeat(300) } };
const ASIDE = { type: "response.create", response: { conversation: "none" } };

beforeAll(async () => {
  vendor = startRealtimeVendor();
  gateway = await startGateway({
    vendors: { openai: { adapter: "openai", baseUrl: vendor.url, keys: [GOOD_KEY] } },
    models: {
      "gpt-realtime": [
        {
          vendor: "openai",
          model: "gpt-realtime",
          maxOutput: 100,
          price: { input: 4, cachedInput: 0.4, audioInput: 32, output: 16, audioOutput: 64 },
          operations: ["realtime"],
        },
      ],
    },
  });
}, 60_000);
afterAll(async () => {
  await gateway.dispose();
  await vendor.stop();
}, 60_000);
beforeEach(() => {
  vendor.told.length = 0;
});

interface Talk {
  say(event: object): void;
  readonly closed: Promise<string>;
}

/** Instructions are given; says how it was closed: code, reason. */
async function talk({ key }: Client): Promise<Talk> {
  const url = `${gateway.url.replace("http", "ws")}/v1/realtime?model=gpt-realtime`;
  const ws = new WebSocket(url, { headers: { authorization: `Bearer ${key}` } });
  const closed = new Promise<string>((resolve) => {
    ws.onclose = ({ code, reason }) => resolve(`${code} ${reason}`);
  });
  await new Promise<void>((resolve, reject) => {
    ws.onmessage = ({ data }) => (String(data).includes("session.updated") ? resolve() : undefined);
    ws.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    ws.onopen = () => ws.send(JSON.stringify(INSTRUCTIONS));
  });
  return { closed, say: (event) => ws.send(JSON.stringify(event)) };
}

/** What is booked of a tenant's requests, when there are so many. */
async function booked(client: Client, requests: number): Promise<bigint> {
  for (;;) {
    const report = (await (await client.get("/v1/usage")).json()) as {
      data: { requests: number; cost: string }[];
    };
    const usage = report.data[0];
    if (usage !== undefined && usage.requests >= requests) return micro(usage.cost);
    await Bun.sleep(20);
  }
}

test("a burst of answers aside is given as far as there are points, and all of it is paid", async () => {
  const poor = await gateway.client("0.3");
  const { say, closed } = await talk(poor);
  for (let at = 0; at < 40; at += 1) say(ASIDE);
  expect(await closed).toBe("1008 insufficient_points");
  const cost = await booked(poor, 1);
  expect(vendor.told.length).toBeWithin(1, 15);
  expect(cost).toBeGreaterThanOrEqual(BigInt(vendor.told.length) * EACH);
  expect(cost + micro((await poor.balance()).balance)).toBe(micro("0.3"));
});

test("two conversations share the last points, and spend none of them twice", async () => {
  const poor = await gateway.client("0.5");
  const talks = await Promise.all([talk(poor), talk(poor)]);
  for (let at = 0; at < 40; at += 1) for (const { say } of talks) say(ASIDE);
  for (const { closed } of talks) expect(await closed).toBe("1008 insufficient_points");
  const cost = await booked(poor, 2);
  expect(cost).toBeGreaterThanOrEqual(BigInt(vendor.told.length) * EACH);
  expect(cost + micro((await poor.balance()).balance)).toBe(micro("0.5"));
});

test("a key's budget ends a conversation whose tenant has more", async () => {
  const rich = await gateway.client("100", { budget: { points: "0.3", period: "day" } });
  const { say, closed } = await talk(rich);
  for (let at = 0; at < 40; at += 1) say(ASIDE);
  expect(await closed).toBe("1008 budget_exceeded");
  const cost = await booked(rich, 1);
  expect(cost).toBeGreaterThanOrEqual(BigInt(vendor.told.length) * EACH);
  expect(cost).toBeLessThanOrEqual(micro("0.3"));
});

test("a node that dies amid a burst charges what was told, and leaves nothing held", async () => {
  const payer = await gateway.client("20");
  const { say, closed } = await talk(payer);
  for (let at = 0; at < 30; at += 1) say(ASIDE);
  while (vendor.told.length < 30) await Bun.sleep(5);
  await Bun.sleep(500);
  await gateway.kill();
  expect(await closed).toStartWith("1006");
  await gateway.restart();
  expect(await booked(payer, 1)).toBe(30n * EACH);
  expect((await payer.balance()).reserved).toBe("0");
  const { ok, checks } = await gateway.admin<{ ok: boolean; checks: object[] }>("GET", "/ledger/reconcile");
  expect([ok, ok ? [] : checks]).toEqual([true, []]);
}, 60_000);
