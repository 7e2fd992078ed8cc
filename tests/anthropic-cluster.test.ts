import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Client, type Gateway, sluiceComment } from "./gateway.ts";

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
const headers = () => ({ "x-api-key": client.key, "anthropic-version": "2023-06-01" });
const idsIn = (text: string): readonly number[] =>
  [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
const eventsIn = (text: string): readonly Record<string, unknown>[] =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data) as Record<string, unknown>);
const saidIn = (text: string): string =>
  eventsIn(text)
    .map(({ delta }) => (delta as { text?: string } | undefined)?.text ?? "")
    .join("");

/** Reads until so many events were told, then hangs up. */
async function take(response: Response, events: number): Promise<string> {
  const reader = (response.body ?? new Blob().stream()).getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (idsIn(text).length < events) {
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
    headers: { ...headers(), "last-event-id": String(idsIn(text).at(-1)) },
  });

test("a message's stream is read on another node, and gone on with when its own is killed", async () => {
  const begun = await fetch(`${node(0).url}/v1/messages`, {
    method: "POST",
    headers: { ...headers(), "x-sluice-resumable": "true" },
    body: JSON.stringify({
      ...{ model: "counting", max_tokens: 1_000, stream: true },
      messages: [{ role: "user", content: "Count." }],
      sandbox: { tokens: WORDS, tokens_per_second: 60, verify: true, first_token_ms: 0 },
    }),
  });
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
  expect(saidIn(text)).toBe(Array.from({ length: WORDS }, (_, at) => `w${at + 1}`).join(" "));
  expect(idsIn(text)).toEqual(idsIn(text).map((_, at) => at + 1));
  expect(eventsIn(text).filter(({ type }) => type === "message_start")).toHaveLength(1);
  expect(eventsIn(text).filter(({ type }) => type === "content_block_start")).toHaveLength(1);
  expect(eventsIn(text).at(-1)).toEqual({ type: "message_stop" });
  expect(sluiceComment(text)).toMatchObject({ outcome: "completed" });
}, 60_000);
