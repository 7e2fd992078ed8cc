import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Client, type Gateway, micro, sluiceComment } from "./gateway.ts";

/** Two gateways as one cluster; the sandbox says `w1 w2 w3 …`, so that a word lost or doubled is seen. */
let cluster: Cluster;
let client: Client;
beforeAll(async () => {
  const candidate = { vendor: "sandbox", model: "sandbox-chat", price: { input: 1, output: 10 } };
  cluster = await startCluster({ models: { counting: [candidate] } }, { nodes: 2 });
  client = await node(0).client("100");
}, 90_000);
afterAll(() => cluster.dispose(), 60_000);

const node = (index: number): Gateway => {
  const found = cluster.nodes[index];
  if (found === undefined) throw new Error(`there is no node ${index}`);
  return found;
};

const WORDS = 240;
const authorization = () => ({ authorization: `Bearer ${client.key}` });
const ask = (gateway: Gateway, more: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${gateway.url}/v1/responses`, {
    method: "POST",
    headers: { ...authorization(), ...headers },
    body: JSON.stringify({ model: "counting", input: "Count.", instructions: "Slowly.", ...more }),
  });
const counting = { tokens: WORDS, tokens_per_second: 60, verify: true, first_token_ms: 0 };

/** Reads until so many events were told, then hangs up. */
async function take(response: Response, events: number): Promise<string> {
  const reader = (response.body ?? new Blob().stream()).getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (numbersIn(text).length < events) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`ended after ${text}`);
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  // A frame that did not come whole was not told.
  return text.slice(0, text.lastIndexOf("\n\n") + 2);
}

const goOn = (gateway: Gateway, stream: string, text: string): Promise<Response> =>
  fetch(`${gateway.url}/v1/streams/${stream}`, {
    headers: { ...authorization(), "last-event-id": String(numbersIn(text).at(-1)) },
  });
const numbersIn = (text: string): readonly number[] =>
  [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
const saidIn = (text: string): string =>
  [...text.matchAll(/^data: (\{"type":"response\.output_text\.delta".*)$/gm)]
    .map(([, data = ""]) => (JSON.parse(data) as { delta: string }).delta)
    .join("");

test("a conversation goes on on another node", async () => {
  const first = (await (await ask(node(0), { sandbox: { tokens: 3, verify: true } })).json()) as {
    id: string;
  };
  const next = await ask(node(1), { previous_response_id: first.id });
  expect(await next.json()).toMatchObject({ status: "completed", previous_response_id: first.id });
});

test("a response's stream is read on another node, and gone on with when its own is killed; charged once", async () => {
  const before = micro((await client.balance()).spent);
  const begun = await ask(node(0), { stream: true, sandbox: counting }, { "x-sluice-resumable": "true" });
  const stream = begun.headers.get("x-sluice-stream") ?? "";
  let text = await take(begun, 20);
  text += await take(await goOn(node(1), stream, text), 20);
  await node(0).kill();
  for (let turn = 0; sluiceComment(text) === undefined && turn < 100; turn += 1) {
    const response = await goOn(node(1), stream, text);
    const more = await response.text();
    if (response.ok) text += more;
    else if (response.status !== 503) throw new Error(`${response.status} ${more}`);
  }
  const numbers = numbersIn(text);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  expect(saidIn(text)).toBe(Array.from({ length: WORDS }, (_, index) => `w${index + 1}`).join(" "));
  expect(text.match(/^event: response\.completed$/gm)).toHaveLength(1);
  expect(text).toContain('"instructions":"Slowly."');
  // Whoever went on with it knows nothing of the request: the response says that it was not kept.
  const end = JSON.parse(text.slice(text.lastIndexOf("data: ") + 6)) as {
    response: { id: string; store: boolean };
  };
  expect(end.response.store).toBe(false);
  await node(0).restart();
  const { outcome, cost } = sluiceComment(text) ?? { outcome: "", cost: "" };
  expect(outcome).toBe("completed");
  expect(micro((await client.balance()).spent) - before).toBe(micro(cost));
  const { ok } = await node(1).admin<{ ok: boolean }>("GET", "/ledger/reconcile");
  expect(ok).toBe(true);
}, 60_000);
