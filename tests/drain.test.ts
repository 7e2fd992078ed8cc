import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, type Gateway, micro, sluiceComment, startGateway } from "./gateway.ts";

/** SIGTERM to a node that is alone, while more runs on it than its patience allows for. */
let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await startGateway({
    server: { drainTimeout: "1s" },
    models: {
      "sandbox-chat": [{ vendor: "sandbox", model: "sandbox-chat", price: { input: 1, output: 3 } }],
    },
  });
  client = await gateway.client("100");
}, 90_000);
afterAll(() => gateway.dispose(), 60_000);

/** So many tokens at ten a second. */
const body = (stream: boolean, tokens: number) => ({
  model: "sandbox-chat",
  stream,
  messages: [{ role: "user", content: "go" }],
  sandbox: { tokens, tokens_per_second: 10, first_token_ms: 0 },
});
const LONG = 1_000;
const post = (stream: boolean, tokens: number) => client.post("/v1/chat/completions", body(stream, tokens));

interface Frame {
  readonly type: string;
  readonly outcome?: string;
  readonly cost?: string;
  readonly error?: { readonly code: string };
}

/** All frames of a socket that begins one generation, the code with which it is closed, and its first delta. */
function overSocket() {
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/ws`, [
    "sluice.v1.json",
    `sluice.key.${client.key}`,
  ]);
  const frames: Frame[] = [];
  const begun = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number>();
  socket.onopen = () => socket.send(JSON.stringify({ type: "generate", id: "a", body: body(true, LONG) }));
  socket.onmessage = ({ data }) => {
    frames.push(JSON.parse(String(data)) as Frame);
    if (frames.length === 2) begun.resolve();
  };
  socket.onclose = ({ code }) => closed.resolve(code);
  return { frames, begun: begun.promise, closed: closed.promise, socket };
}

test("what ends in time ends well; the rest is told the truth and charged what it got", async () => {
  const [short, long] = await Promise.all([post(true, 8), post(true, LONG)]);
  const whole = post(false, LONG);
  const socket = overSocket();
  await socket.begun;
  const stopped = gateway.stop();
  while ((await fetch(`${gateway.url}/health/ready`)).ok);

  const refused = await post(true, 1);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  socket.socket.send(JSON.stringify({ type: "generate", id: "b", body: body(true, 1) }));

  const ended = await short.text();
  expect(sluiceComment(ended)?.outcome).toBe("completed");
  expect(ended.endsWith("data: [DONE]\n\n")).toBe(true);

  const cut = await long.text();
  expect(sluiceComment(cut)?.outcome).toBe("truncated");
  expect(cut).toContain('"code":"stream_truncated"');
  expect(cut).not.toContain("[DONE]");

  const unanswered = await whole;
  expect([unanswered.status, unanswered.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await unanswered.json()).toMatchObject({ error: { code: "overloaded" } });

  expect(await socket.closed).toBe(1001);
  const done = socket.frames.at(-1);
  expect(done).toMatchObject({ type: "done", outcome: "truncated", error: { code: "stream_truncated" } });
  expect(socket.frames.find(({ type }) => type === "error")?.error?.code).toBe("overloaded");

  await stopped;
  await gateway.restart();
  const told = [sluiceComment(ended)?.cost, sluiceComment(cut)?.cost, done?.cost];
  const { spent, reserved } = await client.balance();
  expect(micro(spent)).toBe(told.reduce((sum, cost) => sum + micro(cost ?? "0"), 0n));
  expect(reserved).toBe("0");
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
}, 60_000);
