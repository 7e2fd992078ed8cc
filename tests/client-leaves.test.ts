import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";
import type { Script } from "./mock-vendor/script.ts";
import { type MockVendor, startMockVendor } from "./mock-vendor.ts";

/** A client that leaves stops its vendor, over every way in, and pays for what the vendor had done. */
const PRICE = { input: 2, output: 8 };
const MODEL = "m";

let vendor: MockVendor;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  vendor = startMockVendor();
  gateway = await startGateway({
    vendors: { mock: { adapter: "openai-compatible", baseUrl: vendor.url, keys: ["sk-vendor"] } },
    models: { [MODEL]: [{ vendor: "mock", model: "m", price: PRICE, maxOutput: 100 }] },
  });
  client = await gateway.client("1000");
}, 90_000);
afterEach(() => vendor.release());
afterAll(async () => {
  await gateway.dispose();
  vendor.stop();
}, 60_000);

const body = (stream: boolean) => ({
  model: MODEL,
  stream,
  messages: [{ role: "user", content: "How are you?" }],
});

/** Waits until the call that runs is ended from our side. */
async function expectVendorStopped(): Promise<void> {
  await vendor.quiet();
  expect(vendor.account.calls.at(-1)?.outcome).toBe("aborted");
}

/** The only one that was booked since `before`, once it is. */
async function chargedSince(before: bigint): Promise<bigint> {
  for (;;) {
    const { spent, reserved } = await client.balance();
    if (reserved === "0") return micro(spent) - before;
    await Bun.sleep(20);
  }
}
const spent = async () => micro((await client.balance()).spent);

const SILENT: readonly (readonly [string, Script])[] = [
  ["before the vendor's headers", { hold: "headers" }],
  ["before the first token", { hold: "first_token" }],
];

describe.each([
  ["a whole answer", false],
  ["a stream", true],
] as const)("a client that leaves %s", (_what, stream) => {
  test.each(SILENT)("%s stops the vendor, and pays for the prompt that it read", async (_when, script) => {
    vendor.always(script);
    const before = await spent();
    const leave = new AbortController();
    const asked = client.post("/v1/chat/completions", body(stream), {}, leave.signal);
    await vendor.held.reached(1);
    // Less is taken for a call that may never have reached the vendor, which nobody is charged for.
    await Bun.sleep(300);
    leave.abort();
    await asked.catch(() => undefined);
    await expectVendorStopped();
    const prompt = Math.ceil(Math.ceil(JSON.stringify(body(stream)).length / 2) / 2);
    expect(await chargedSince(before)).toBe(BigInt(prompt * PRICE.input));
  });
});

const { messages } = body(true);
const contents = [{ role: "user", parts: [{ text: "How are you?" }] }];

test.each<[string, object]>([
  ["/v1/chat/completions", body(true)],
  ["/v1/messages", { model: MODEL, max_tokens: 100, stream: true, messages }],
  [`/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`, { contents }],
  [`/v1beta/models/${MODEL}:streamGenerateContent`, { contents }],
])(
  "a client that leaves %s in the middle pays for the words that the vendor had said",
  async (path, asked) => {
    vendor.always({ text: "a ".repeat(50), hold: { afterTokens: 7 } });
    const before = await spent();
    const leave = new AbortController();
    const response = await client.post(path, asked, {}, leave.signal);
    await vendor.held.reached(1);
    await response.body?.getReader().read();
    leave.abort();
    await expectVendorStopped();
    const charged = await chargedSince(before);
    const prompt = Math.ceil(Math.ceil(JSON.stringify(asked).length / 2) / 2);
    expect(charged).toBeGreaterThanOrEqual(BigInt(prompt * PRICE.input + PRICE.output));
    expect(charged).toBeLessThanOrEqual(BigInt(prompt * PRICE.input + 7 * PRICE.output));
  },
);

test("the last reader of a resumable stream that must not go on without one stops the vendor", async () => {
  vendor.always({ tokens: 50, hold: { afterTokens: 3 } });
  const headers = { "x-sluice-resumable": "true", "x-sluice-detach": "0" };
  const leave = new AbortController();
  const response = await client.post("/v1/chat/completions", body(true), headers, leave.signal);
  await vendor.held.reached(1);
  const other = await client.get(`/v1/streams/${response.headers.get("x-sluice-stream")}`);
  leave.abort();
  const reader = other.body?.getReader();
  await reader?.read();
  // One is left.
  expect(vendor.account.calls.at(-1)?.outcome).toBe("running");
  await reader?.cancel();
  await expectVendorStopped();
});

describe("a WebSocket", () => {
  const generate = (fields: object = {}) =>
    JSON.stringify({ type: "generate", id: "a", body: body(true), ...fields });

  interface Frame {
    readonly type: string;
    readonly outcome?: string;
    readonly cost?: string;
  }

  /** Sends the frame; `frame(type)` is the first of that type that comes back. */
  function ask(frame: string): { socket: WebSocket; frame(type: string): Promise<Frame> } {
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/ws`, [
      "sluice.v1.json",
      `sluice.key.${client.key}`,
    ]);
    socket.onopen = () => socket.send(frame);
    return {
      socket,
      frame: (type) =>
        new Promise((resolve) => {
          socket.addEventListener("message", ({ data }) => {
            const told = JSON.parse(String(data)) as Frame;
            if (told.type === type) resolve(told);
          });
        }),
    };
  }

  test("that closes before the first token stops the vendor", async () => {
    vendor.always({ hold: "first_token" });
    const { socket } = ask(generate());
    await vendor.held.reached(1);
    socket.close();
    await expectVendorStopped();
  });

  test("that is killed in the middle stops the vendor at once where nothing shall go on without it", async () => {
    vendor.always({ tokens: 50, hold: { afterTokens: 3 } });
    const { socket, frame } = ask(generate({ detach: 0 }));
    await frame("delta");
    socket.terminate();
    await expectVendorStopped();
  });

  test("whose client cancels stops the vendor, and is told what it is charged", async () => {
    vendor.always({ tokens: 50, hold: { afterTokens: 3 } });
    const before = await spent();
    const { socket, frame } = ask(generate());
    await frame("delta");
    const done = frame("done");
    socket.send(JSON.stringify({ type: "cancel", id: "a" }));
    const { outcome, cost } = await done;
    await expectVendorStopped();
    expect(outcome).toBe("cancelled");
    expect(await chargedSince(before)).toBe(micro(cost ?? ""));
    socket.close();
  });
});

test("in the end nothing is held and the books are right", async () => {
  await chargedSince(0n);
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
});
