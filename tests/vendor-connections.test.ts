import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Peer, type RawServer, rawServer } from "../src/upstream/testing/raw-server.ts";
import { type Client, type Gateway, startGateway } from "./gateway.ts";

/** The gateway's connections to vendors, as vendors see them. */

const answer = JSON.stringify({
  id: "c",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 4, completion_tokens: 1, total_tokens: 5 },
});
const HTTP_ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`;
const AT_ONCE = 150;

const waiting: Peer[] = [];
let holding: RawServer;
/** Takes connections and never secures them. */
let silent: RawServer;
let ready: RawServer;
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  holding = rawServer((peer) => void waiting.push(peer));
  silent = rawServer(() => {});
  ready = rawServer((peer) => peer.send(HTTP_ANSWER));
  const vendor = (baseUrl: string) => ({
    adapter: "openai-compatible",
    baseUrl,
    keys: ["sk-vendor-secret"],
    timeouts: { connect: "500ms", total: "60s" },
  });
  const candidate = (name: string) => ({ vendor: name, model: "m", price: { input: 2, output: 8 } });
  gateway = await startGateway({
    vendors: {
      holding: vendor(holding.url),
      silent: vendor(`https://localhost:${silent.port}/v1`),
      ready: vendor(ready.url),
    },
    models: {
      held: [candidate("holding")],
      "silent-first": [candidate("silent"), candidate("ready")],
      "silent-alone": [candidate("silent")],
    },
    routing: { strategy: "priority" },
  });
  client = await gateway.client("1000");
}, 90_000);

afterAll(async () => {
  await gateway.dispose();
  for (const server of [holding, silent, ready]) server[Symbol.dispose]();
}, 60_000);

const ask = (model: string, signal?: AbortSignal): Promise<Response> =>
  client.post(
    "/v1/chat/completions",
    { model, max_tokens: 5, messages: [{ role: "user", content: "Hi" }] },
    {},
    signal,
  );

test("waves of calls share the connections of the first", async () => {
  for (let wave = 0; wave < 3; wave += 1) {
    const calls = Array.from({ length: AT_ONCE }, async () => (await ask("held")).status);
    while (waiting.length < AT_ONCE) await Bun.sleep(5);
    for (const peer of waiting.splice(0)) peer.send(HTTP_ANSWER);
    expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
    expect(holding.accepted).toBeLessThanOrEqual(AT_ONCE);
  }
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toMatch(/vendor_connections\{state="idle"\} [1-9]/);
}, 60_000);

test("a vendor whose connection does not come to stand is left by its connect clock for the next", async () => {
  const response = await ask("silent-first");
  expect([response.status, response.headers.get("x-sluice-vendor")]).toEqual([200, "ready"]);
  const alone = await ask("silent-alone");
  expect(alone.status).toBe(504);
  const { error } = (await alone.json()) as { error: { code: string; message: string } };
  expect(error).toMatchObject({
    code: "vendor_timeout",
    message: "silent could not be connected to within 500 ms.",
  });
  expect(silent.requests).toEqual([]);
}, 60_000);

test("a client that leaves before its vendor could be reached is charged nothing", async () => {
  const before = await client.balance();
  const accepted = silent.accepted;
  const leaving = new AbortController();
  const asking = ask("silent-alone", leaving.signal).catch(() => {});
  while (silent.accepted === accepted) await Bun.sleep(5);
  leaving.abort();
  await asking;
  let after = await client.balance();
  while (after.reserved !== "0") {
    await Bun.sleep(20);
    after = await client.balance();
  }
  expect(after.spent).toBe(before.spent);
}, 60_000);
