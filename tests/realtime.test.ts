import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import { GOOD_KEY, type RealtimeVendor, startRealtimeVendor } from "./mock-realtime-vendor.ts";

/** Conversations by WebSocket, between a real client and a vendor that speaks as OpenAI's did when it was recorded. */
let vendor: RealtimeVendor;
let gateway: Gateway;
let client: Client;
const sockets = new Set<WebSocket>();

const PRICE = { input: 4, cachedInput: 0.4, audioInput: 32, output: 16, audioOutput: 64 };
/** 60 text, 500 sound and 640 cached tokens in; 10 text and 60 sound tokens out; in micropoints. */
const EACH = 60 * 4 + 500 * 32 + 640 * 0.4 + 10 * 16 + 60 * 64;

beforeAll(async () => {
  vendor = startRealtimeVendor();
  const route = (vendorId: string) => ({
    vendor: vendorId,
    model: "gpt-realtime",
    maxOutput: 100,
    price: PRICE,
    operations: ["realtime"],
  });
  gateway = await startGateway({
    vendors: {
      openai: { adapter: "openai", baseUrl: vendor.url, keys: [GOOD_KEY] },
      badkey: { adapter: "openai", baseUrl: vendor.url, keys: ["sk-realtime-bad-key-0002"] },
    },
    routing: { strategy: "priority" },
    server: { drainTimeout: "1s" },
    models: {
      "gpt-realtime": [route("openai")],
      "with-failover": [route("badkey"), route("openai")],
      "bad-only": [route("badkey")],
    },
  });
  client = await gateway.client("100000");
}, 60_000);
afterAll(async () => {
  await gateway.dispose();
  await vendor.stop();
}, 60_000);
beforeEach(() => {
  vendor.closed.length = 0;
  vendor.keys.length = 0;
  vendor.heard.length = 0;
  vendor.told.length = 0;
});
afterEach(() => {
  for (const ws of sockets) ws.terminate();
  sockets.clear();
});

interface Talk {
  readonly ws: WebSocket;
  readonly frames: { readonly type: string; readonly [field: string]: unknown }[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  say(event: object): void;
  /** The next frame of a type, after those seen already. */
  until(type: string): Promise<{ readonly [field: string]: unknown }>;
  answer(action?: string): void;
}

async function talk(from = client, model = "gpt-realtime", protocols?: string[]): Promise<Talk> {
  const url = `${gateway.url.replace("http", "ws")}/v1/realtime?model=${model}`;
  const ws =
    protocols === undefined
      ? new WebSocket(url, { headers: { authorization: `Bearer ${from.key}` } })
      : new WebSocket(url, protocols);
  sockets.add(ws);
  const frames: Talk["frames"] = [];
  let seen = 0;
  let wake: (() => void) | undefined;
  ws.onmessage = ({ data }) => {
    frames.push(JSON.parse(String(data)));
    wake?.();
  };
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.onclose = ({ code, reason }) => resolve({ code, reason });
  });
  await new Promise<void>((resolve, reject) => {
    ws.onopen = () => resolve();
    ws.onerror = (event) => reject(new Error((event as ErrorEvent).message));
  });
  const say = (event: object): void => ws.send(JSON.stringify(event));
  return {
    ws,
    frames,
    closed,
    say,
    async until(type) {
      for (;;) {
        const at = frames.findIndex((frame, index) => index >= seen && frame.type === type);
        const frame = frames[at];
        if (frame !== undefined) {
          seen = at + 1;
          return frame;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    answer: (action = "answer") => say({ type: "response.create", response: { metadata: { do: action } } }),
  };
}

interface Usage {
  readonly requests: number;
  readonly cost: string;
}

async function usageOf(from: Client): Promise<Usage | undefined> {
  const report = (await (await from.get("/v1/usage")).json()) as { data: Usage[] };
  return report.data[0];
}

/** When the ledger has it. */
async function booked(from: Client, requests = 1): Promise<Usage> {
  for (;;) {
    const usage = await usageOf(from);
    if (usage !== undefined && usage.requests >= requests) return usage;
    await Bun.sleep(20);
  }
}

describe("a conversation", () => {
  test("passes frames both ways as they are, and is charged what the vendor counted", async () => {
    const payer = await gateway.client("100");
    const { ws, until, say, answer, closed, frames } = await talk(payer);
    await until("session.created");
    const update = { type: "session.update", session: { instructions: "Be kind.", "x-unknown": 1 } };
    say(update);
    await until("session.updated");
    answer();
    await until("response.done");
    answer();
    await until("response.done");
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/^open_websockets [1-9]/m);
    ws.close(1000);
    expect((await closed).code).toBe(1000);
    expect(vendor.heard[0]).toBe(JSON.stringify(update));
    expect(frames.map(({ type }) => type)).toEqual([
      "session.created",
      "session.updated",
      ...Array.from({ length: 2 }, () => [
        "response.created",
        "response.output_audio.delta",
        "response.output_text.delta",
        "response.done",
      ]).flat(),
    ]);
    const usage = await booked(payer);
    expect([usage.requests, micro(usage.cost)]).toEqual([1, BigInt(2 * EACH)]);
    expect(vendor.told).toHaveLength(2);
    expect((await payer.balance()).reserved).toBe("0");
    await vendor.untilClosed(1);
  });

  test("holds more as it goes on, and ends with a typed error when the balance is out", async () => {
    const poor = await gateway.client("0.4");
    const { until, answer, closed, frames } = await talk(poor);
    await until("session.created");
    let answers = 0;
    const ended = closed.then(() => "closed" as const);
    for (;;) {
      answer();
      const what = await Promise.race([until("response.done"), ended]);
      if (what === "closed") break;
      answers += 1;
    }
    expect((await closed).code).toBe(1008);
    expect(frames.at(-1)).toMatchObject({
      type: "error",
      error: { code: "insufficient_points", type: "insufficient_quota" },
    });
    expect(answers).toBeGreaterThan(2);
    await vendor.untilClosed(1);
    const usage = await booked(poor);
    expect(usage.requests).toBe(1);
    const { balance } = await poor.balance();
    expect(micro(balance) >= 0n).toBe(true);
    expect(micro(usage.cost) + micro(balance)).toBe(micro("0.4"));
  });

  test("is refused before it begins when not even its first answer can be paid", async () => {
    const empty = await gateway.client("0.00001");
    await expect(talk(empty)).rejects.toThrow("402");
    expect(vendor.keys).toHaveLength(0);
  });

  test("whose client is gone closes its vendor at once and charges what was under way", async () => {
    const payer = await gateway.client("100");
    const { ws, until, answer } = await talk(payer);
    answer("hang");
    await until("response.output_text.delta");
    ws.terminate();
    await vendor.untilClosed(1);
    expect(vendor.open.size).toBe(0);
    const usage = await booked(payer);
    expect(micro(usage.cost)).toBeGreaterThan(0n);
    expect((await payer.balance()).reserved).toBe("0");
  });

  test("ends with the vendor's own close code", async () => {
    const { answer, closed } = await talk();
    answer("close 4321");
    expect(await closed).toEqual({ code: 4321, reason: "as told" });
  });

  test("whose vendor is lost ends with an error event", async () => {
    const { answer, closed, frames } = await talk();
    answer("cut");
    expect((await closed).code).toBe(1011);
    expect(frames.at(-1)).toMatchObject({ type: "error", error: { code: "stream_truncated" } });
  });

  test("goes on behind an error event, which shows nothing of the key", async () => {
    const { say, until, answer } = await talk();
    say({ type: "bad" });
    const { error } = (await until("error")) as { error: { code: string; message: string } };
    expect(error.code).toBe("invalid_value");
    expect(error.message).not.toContain(GOOD_KEY.slice(0, 16));
    answer();
    await until("response.done");
  });

  test("takes text frames only", async () => {
    const { ws, until, answer } = await talk();
    await until("session.created");
    ws.send(new Uint8Array([1, 2, 3]));
    expect(await until("error")).toMatchObject({ error: { code: "invalid_request" } });
    answer();
    await until("response.done");
  });

  test("of which the client reads slowly holds the vendor back and loses nothing", async () => {
    const { ws, until, answer, frames } = await talk();
    await until("session.created");
    ws.pause();
    answer("flood");
    await Bun.sleep(300);
    ws.resume();
    await until("response.done");
    const flood = frames.filter(({ at }) => at !== undefined).map(({ at }) => Number(at));
    expect(flood).toEqual(Array.from({ length: 400 }, (_, at) => at));
  });
});

describe("who may converse", () => {
  test("browsers send their key as a subprotocol, which is not sent back", async () => {
    const { ws, until } = await talk(client, "gpt-realtime", [
      "realtime",
      `openai-insecure-api-key.${client.key}`,
    ]);
    await until("session.created");
    expect(ws.protocol).toBe("realtime");
  });

  test("a ticket opens one conversation", async () => {
    const answer = await client.post("/v1/ws/tickets", {});
    const { ticket } = (await answer.json()) as { ticket: string };
    const url = `${gateway.url.replace("http", "ws")}/v1/realtime?model=gpt-realtime&ticket=${ticket}`;
    const open = () =>
      new Promise<string>((resolve) => {
        const ws = new WebSocket(url);
        sockets.add(ws);
        ws.onopen = () => resolve("open");
        ws.onerror = (event) => resolve((event as ErrorEvent).message);
      });
    expect(await open()).toBe("open");
    expect(await open()).toContain("401");
  });

  test.each([
    ["no key", "?model=gpt-realtime", undefined, 401, "invalid_api_key"],
    ["no model", "", "key", 400, "invalid_request"],
    ["an unknown model", "?model=nobody", "key", 404, "model_not_found"],
    ["a transcription", "?model=gpt-realtime&intent=transcription", "key", 400, "unsupported_parameter"],
  ] as const)("%s is refused by an answer, not by a socket", async (_, query, key, status, code) => {
    const response = await fetch(`${gateway.url}/v1/realtime${query}`, {
      headers: {
        upgrade: "websocket",
        connection: "upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        ...(key === undefined ? {} : { authorization: `Bearer ${client.key}` }),
      },
    });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code } });
  });

  test("a key without the scope is refused", async () => {
    const limited = await gateway.client("1", { scopes: ["chat"] });
    await expect(talk(limited)).rejects.toThrow("403");
  });

  test("a key's slots count conversations while they last", async () => {
    const narrow = await gateway.client("100", { limits: { concurrency: 1 } });
    const first = await talk(narrow);
    await expect(talk(narrow)).rejects.toThrow("429");
    first.ws.close();
    await first.closed;
    await booked(narrow);
    const { until } = await talk(narrow);
    await until("session.created");
  });

  test("a revoked key ends its conversations", async () => {
    const leaving = await gateway.client("100");
    const { closed, until, frames } = await talk(leaving);
    await until("session.created");
    await gateway.admin("DELETE", `/keys/${leaving.keyId}`);
    expect((await closed).code).toBe(1008);
    expect(frames.at(-1)).toMatchObject({ type: "error", error: { code: "invalid_api_key" } });
  });
});

test("the published SDK converses", async () => {
  const plain = globalThis.WebSocket;
  // It insists on TLS, which a proxy would end before the gateway.
  globalThis.WebSocket = class extends plain {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(String(url).replace(/^wss:/, "ws:"), protocols);
    }
  } as typeof WebSocket;
  try {
    const sdk = new OpenAI({ apiKey: client.key, baseURL: `${gateway.url}/v1` });
    const realtime = new OpenAIRealtimeWebSocket(
      { model: "gpt-realtime", dangerouslyAllowBrowser: true },
      sdk,
    );
    const words = await new Promise<string>((resolve, reject) => {
      let said = "";
      realtime.on("error", reject);
      realtime.on("session.created", () => realtime.send({ type: "response.create" }));
      realtime.on("response.output_text.delta", ({ delta }) => {
        said += delta;
      });
      realtime.on("response.done", () => resolve(said));
    });
    expect(words).toBe("Hello there, river");
    realtime.close();
  } finally {
    globalThis.WebSocket = plain;
  }
});

describe("vendors", () => {
  test("a key that the vendor refuses behind its 101 is passed over before the client hears anything", async () => {
    const { until, frames } = await talk(client, "with-failover");
    await until("session.created");
    expect(frames.map(({ type }) => type)).toEqual(["session.created"]);
    expect(vendor.keys.at(-1)).toBe(GOOD_KEY);
  });

  test("where nobody takes it the client is told so, without the key", async () => {
    const response = await fetch(`${gateway.url}/v1/realtime?model=bad-only`, {
      headers: {
        upgrade: "websocket",
        connection: "upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        authorization: `Bearer ${client.key}`,
      },
    });
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain("bad-key");
  });
});

test("a gateway that is killed has charged its conversations by their last note", async () => {
  const payer = await gateway.client("100");
  const { until, answer, closed } = await talk(payer);
  answer();
  await until("response.done");
  // A note is written soon after the answer, not before it is shown.
  await Bun.sleep(500);
  await gateway.kill();
  expect((await closed).code).toBe(1006);
  await gateway.restart();
  const usage = await booked(payer);
  expect(usage.requests).toBe(1);
  expect(micro(usage.cost)).toBe(BigInt(EACH));
  expect((await payer.balance()).reserved).toBe("0");
}, 60_000);

test("a gateway that stops says so, and the books are right after all of it", async () => {
  const { until, closed } = await talk();
  await until("session.created");
  const { ok, checks } = await gateway.admin<{ ok: boolean; checks: object[] }>("GET", "/ledger/reconcile");
  expect([ok, ok ? [] : checks]).toEqual([true, []]);
  await gateway.stop();
  expect((await closed).code).toBe(1012);
  await gateway.restart();
}, 60_000);
