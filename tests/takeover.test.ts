import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, type Gateway, micro, sluiceComment, startGateway } from "./gateway.ts";

/** Answers whose vendor dies on the way, through everything a client goes through. */
let gateway: Gateway;
let client: Client;

const WORDS = Array.from({ length: 40 }, (_, at) => `w${at + 1}`).join(" ");
const price = (input: number, output: number) => ({ price: { input, output } });

/** A vendor that keeps dying is not asked any more, so each request has its own. */
const DYING = Array.from({ length: 32 }, (_, at) => at);
const relays = DYING.map((at): [string, object[]] => [
  `relay-${at}`,
  [
    { vendor: `near-${at}`, model: "sandbox-near", ...price(1, 3) },
    { vendor: "far", model: "sandbox-far", ...price(2, 5) },
  ],
]);

beforeAll(async () => {
  const near = DYING.map((at): [string, object] => [`near-${at}`, { adapter: "sandbox" }]);
  gateway = await startGateway({
    vendors: { ...Object.fromEntries(near), far: { adapter: "sandbox" } },
    models: Object.fromEntries(relays),
    routing: { strategy: "priority" },
  });
  client = await gateway.client("100");
}, 90_000);
afterAll(() => gateway.dispose(), 60_000);

const failing = (fail: string, at: number) => ({
  model: relays.pop()?.[0],
  messages: [{ role: "user", content: "Count." }],
  sandbox: { tokens: 40, tokens_per_second: 0, verify: true, fail, at, on_model: "sandbox-near" },
});

const textIn = (sse: string): string =>
  [...sse.matchAll(/^data: (\{.*)$/gm)]
    .map(([, data]) => JSON.parse(data ?? "").choices?.[0]?.delta?.content ?? "")
    .join("");

const idsIn = (sse: string): Set<string> =>
  new Set([...sse.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data ?? "").id));

interface Receipt {
  readonly outcome: string;
  readonly charged: string;
  readonly flags: readonly string[];
  readonly attempts: readonly { readonly vendor: string; readonly cost?: string }[];
}

async function expectOneReceipt(id: string, cost: string | undefined): Promise<void> {
  let response = await client.get(`/v1/receipts/${id}`);
  while (response.status === 404) {
    await Bun.sleep(20);
    response = await client.get(`/v1/receipts/${id}`);
  }
  const { outcome, charged, attempts, flags } = (await response.json()) as Receipt;
  expect([outcome, charged, flags]).toEqual(["completed", cost ?? "", ["usage_estimated"]]);
  expect(attempts.map(({ vendor }) => vendor)).toEqual([expect.stringMatching("near"), "far"]);
  expect(attempts.reduce((sum, part) => sum + micro(part.cost ?? "0"), 0n)).toBe(micro(charged));
}

test.each(["cut", "reset", "error", "broken_off"])(
  "an answer whose vendor dies by '%s' after any number of words is one answer",
  async (fail) => {
    for (const at of [1, 7, 20, 39]) {
      const response = await client.post("/v1/chat/completions", {
        ...failing(fail, at),
        stream: true,
        stream_options: { include_usage: true },
      });
      const sse = await response.text();
      expect(textIn(sse)).toBe(WORDS);
      expect(idsIn(sse).size).toBe(1);
      expect(sse.endsWith("data: [DONE]\n\n")).toBe(true);
      const comment = sluiceComment(sse);
      expect(comment).toMatchObject({
        outcome: "completed",
        vendor: "far",
        vendors: [expect.stringMatching("near"), "far"],
      });
      await expectOneReceipt(response.headers.get("x-request-id") ?? "", comment?.cost);
    }
  },
  60_000,
);

test("a resumable stream goes on under its own numbers", async () => {
  const response = await client.post(
    "/v1/chat/completions",
    { ...failing("cut", 13), stream: true },
    { "x-sluice-resumable": "true" },
  );
  const sse = await response.text();
  expect(textIn(sse)).toBe(WORDS);
  const ids = [...sse.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  expect(ids).toEqual(ids.map((_, at) => at + 1));
  const again = await client.get(`/v1/streams/${response.headers.get("x-sluice-stream")}?after=3`);
  expect(await again.text()).toBe(sse.slice(sse.indexOf("id: 4\n")));
});

test("a WebSocket's client sees one stream, and may say that it wants none taken over", async () => {
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/ws`, [
    "sluice.v1.json",
    `sluice.key.${client.key}`,
  ]);
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  const texts = { a: "", b: "" };
  const outcomes = new Promise<Record<string, string>>((resolve) => {
    const ended: Record<string, string> = {};
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data)) as {
        type: string;
        id: "a" | "b";
        text?: string;
        outcome?: string;
      };
      if (frame.type === "delta") texts[frame.id] += frame.text ?? "";
      if (frame.type === "done") ended[frame.id] = frame.outcome ?? "";
      if (Object.keys(ended).length === 2) resolve(ended);
    };
  });
  const ask = (id: string, wishes: object = {}) =>
    socket.send(JSON.stringify({ type: "generate", id, body: failing("cut", 13), ...wishes }));
  ask("a");
  ask("b", { takeover: "never" });
  expect(await outcomes).toEqual({ a: "completed", b: "truncated" });
  expect(texts.a).toBe(WORDS);
  expect(WORDS.startsWith(texts.b)).toBe(true);
  socket.close();
});

test("a header wins over the key, and the key over the configuration", async () => {
  const wary = await gateway.client("10", { takeover: "before:10" });
  const ask = (headers: Record<string, string>) =>
    wary.post("/v1/chat/completions", { ...failing("cut", 20), stream: true }, headers);
  const outcomeOf = async (headers: Record<string, string>) =>
    sluiceComment(await (await ask(headers)).text())?.outcome;
  expect(await outcomeOf({})).toBe("truncated");
  expect(await outcomeOf({ "x-sluice-takeover": "before:100" })).toBe("completed");
  expect(await outcomeOf({ "x-sluice-takeover": "never" })).toBe("truncated");
  const refused = await ask({ "x-sluice-takeover": "sometimes" });
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    error: { code: "invalid_request", param: "x-sluice-takeover" },
  });
});

test("the books are right after all of it", async () => {
  const { ok } = await gateway.admin<{ ok: boolean }>("GET", "/ledger/reconcile");
  expect(ok).toBe(true);
  expect((await client.balance()).reserved).toBe("0");
});
