import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { seededRandom } from "../src/core/random.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { type Client, type Gateway, micro } from "./gateway.ts";
import { type Reading, readStream, Sse } from "./read-stream.ts";

/** Three gateways as one cluster; the sandbox says `w1 w2 w3 …`, so that a word lost or doubled is seen. */
const MODEL = "counting";
const CONFIG = {
  server: { drainTimeout: "1s" },
  models: { [MODEL]: [{ vendor: "sandbox", model: "sandbox-chat", price: { input: 1, output: 10 } }] },
};

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(CONFIG, { nodes: 3 });
});
afterAll(() => cluster.dispose());

const node = (index: number): Gateway => {
  const found = cluster.nodes[index];
  if (found === undefined) throw new Error(`there is no node ${index}`);
  return found;
};
const words = (count: number): string =>
  Array.from({ length: count }, (_, index) => `w${index + 1}`).join(" ");
const bodyOf = (tokens: number, pace: number) => ({
  model: MODEL,
  stream: true,
  messages: [{ role: "user", content: "Count." }],
  sandbox: { tokens, tokens_per_second: pace, verify: true, first_token_ms: 0 },
});

/** Begins a stream on a node: its first reader. */
async function begin(
  gateway: Gateway,
  client: Client,
  tokens: number,
  pace: number,
): Promise<{ readonly id: string; readonly sse: Sse }> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${client.key}`, "x-sluice-resumable": "true" },
    body: JSON.stringify(bodyOf(tokens, pace)),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return { id: response.headers.get("x-sluice-stream") ?? "", sse: new Sse(response) };
}

interface Booked {
  readonly stream: string | null;
  readonly charged: bigint;
  readonly outcome: string;
  readonly flags: readonly string[];
}
/** All that was ever booked for the tenant. */
const bookedFor = async ({ tenant }: Client): Promise<readonly Booked[]> =>
  await cluster.database.sql<
    Booked[]
  >`select stream, charged, outcome, flags from usage where tenant = ${tenant}`;

async function expectBooksRight(): Promise<void> {
  const { ok } = await node(0).admin<{ ok: boolean }>("GET", "/ledger/reconcile");
  expect(ok).toBe(true);
}

async function eventually(isSo: () => Promise<boolean>, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error("it did not come to be");
    await Bun.sleep(50);
  }
}

/** Reads the rest from node after node, each time so many events, until the end. */
async function hop(
  client: Client,
  id: string,
  from: Reading,
  next: (turn: number) => { readonly gateway: Gateway; readonly events: number },
): Promise<Reading> {
  let reading = from;
  for (let turn = 0; reading.end === undefined; turn += 1) {
    const { gateway, events } = next(turn);
    reading = await readStream(gateway.url, client.key, id, reading, events);
  }
  return reading;
}

describe("a resumable stream in a cluster", () => {
  test("is read over fifty cuts, each time on another node, byte for byte", async () => {
    const random = seededRandom(20_261);
    const client = await node(0).client("100");
    const { id, sse } = await begin(node(0), client, 1_500, 300);
    const first = await sse.take(5);
    const cuts = 50;
    const whole = await hop(client, id, first, (turn) => ({
      gateway: node((turn + 1) % 3),
      events: turn < cuts - 1 ? 1 + Math.floor(random.next() * 12) : Number.POSITIVE_INFINITY,
    }));
    expect(whole.text).toBe(words(1_500));
    expect(whole.end).toMatchObject({ outcome: "completed" });
    expect(whole.seqs).toEqual(Array.from({ length: whole.seqs.length }, (_, index) => index + 1));
    expect(whole.cuts).toBe(cuts);
    // What is over can be read again from anywhere, on any node.
    for (const gateway of cluster.nodes) {
      expect((await readStream(gateway.url, client.key, id)).text).toBe(words(1_500));
    }
  }, 60_000);

  test("has several readers on several nodes at once", async () => {
    const client = await node(0).client("100");
    const { id, sse } = await begin(node(1), client, 300, 200);
    const readers = [0, 1, 2, 0, 2].map((index) => readStream(node(index).url, client.key, id));
    const texts = (await Promise.all([...readers, sse.take(Number.POSITIVE_INFINITY)])).map(
      ({ text }) => text,
    );
    expect(new Set(texts)).toEqual(new Set([words(300)]));
  }, 30_000);

  test("is cancelled on another node", async () => {
    const client = await node(0).client("100");
    const { id, sse } = await begin(node(0), client, 5_000, 50);
    await sse.take(3);
    const response = await fetch(`${node(2).url}/v1/streams/${id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${client.key}` },
    });
    expect(await response.json()).toEqual({ id, object: "stream", cancelled: true });
    const { end } = await readStream(node(1).url, client.key, id);
    expect(end).toMatchObject({ outcome: "cancelled" });
  }, 30_000);

  test("is not found by another tenant, on any node", async () => {
    const client = await node(0).client("100");
    const stranger = await node(0).client("100");
    const { id, sse } = await begin(node(0), client, 400, 200);
    for (const gateway of cluster.nodes) {
      for (const method of ["GET", "DELETE"]) {
        const headers = { authorization: `Bearer ${stranger.key}` };
        const response = await fetch(`${gateway.url}/v1/streams/${id}`, { method, headers });
        expect([method, response.status]).toEqual([method, 404]);
        await response.arrayBuffer();
      }
    }
    expect((await sse.take(Number.POSITIVE_INFINITY)).text).toBe(words(400));
  }, 30_000);

  test("goes on at another node when its own is killed: byte for byte, and one charge", async () => {
    const random = seededRandom(7);
    const client = await node(0).client("100");
    const { id, sse } = await begin(node(2), client, 900, 150);
    const first = await sse.take(20);
    let turns = 0;
    const whole = await hop(client, id, first, (turn) => {
      turns = turn;
      if (turn === 10) void node(2).kill();
      const alive = turn < 10 ? 3 : 2;
      return {
        gateway: node(turn % alive),
        events: turn < 50 ? 1 + Math.floor(random.next() * 15) : Number.POSITIVE_INFINITY,
      };
    });
    expect(turns).toBeGreaterThanOrEqual(50);
    expect(whole.text).toBe(words(900));
    expect(whole.end).toMatchObject({ outcome: "completed" });
    await node(2).restart();
    // The dead node's own charge comes with its disk, and is the platform's.
    await eventually(async () => (await bookedFor(client)).length === 2, 30_000);
    const booked = await bookedFor(client);
    const charged = booked.filter((one) => one.charged > 0n);
    expect(charged).toHaveLength(1);
    expect(charged[0]).toMatchObject({
      stream: id,
      outcome: "completed",
      charged: micro(whole.end?.cost ?? "0"),
    });
    expect(booked.find((one) => one.charged === 0n)?.flags).toContain("superseded");
    expect(micro((await client.balance()).spent)).toBe(micro(whole.end?.cost ?? "0"));
    await expectBooksRight();
  }, 90_000);

  test("is not interrupted for a reader on another node when its own is killed", async () => {
    const client = await node(0).client("100");
    const { id, sse } = await begin(node(2), client, 500, 100);
    await sse.take(3);
    const readers = [node(0), node(1)].map((gateway) => readStream(gateway.url, client.key, id));
    await Bun.sleep(1_000);
    await node(2).kill();
    for (const { text, cuts, end } of await Promise.all(readers)) {
      expect([text, cuts, end?.outcome]).toEqual([words(500), 0, "completed"]);
    }
    await node(2).restart();
  }, 60_000);

  test("is taken from a node that stands still, which finds itself without it when it goes on", async () => {
    const client = await node(0).client("100");
    const { id, sse } = await begin(node(2), client, 1_500, 100);
    const rest = sse.take(Number.POSITIVE_INFINITY);
    await Bun.sleep(500);
    process.kill(node(2).pid, "SIGSTOP");
    const elsewhere = readStream(node(0).url, client.key, id);
    await Bun.sleep(9_000);
    process.kill(node(2).pid, "SIGCONT");
    const [whole, former] = await Promise.all([elsewhere, rest]);
    expect([whole.text, whole.end?.outcome]).toEqual([words(1_500), "completed"]);
    expect([former.moved, former.end]).toEqual([1, undefined]);
    expect(whole.text.startsWith(former.text)).toBe(true);
    await eventually(async () => (await bookedFor(client)).length === 2, 30_000);
    expect((await bookedFor(client)).filter(({ charged }) => charged > 0n)).toHaveLength(1);
  }, 90_000);

  test("is resumed over a WebSocket on another node", async () => {
    const client = await node(0).client("100");
    const { id, sse } = await begin(node(0), client, 300, 150);
    await sse.take(7);
    const frames = await resumeOverSocket(node(1), client, id, 7);
    expect(frames.map(({ type }) => type)).toEqual([
      "started",
      ...frames.slice(1, -1).map(() => "delta"),
      "done",
    ]);
    expect(frames[1]?.seq).toBe(8);
    const text = frames.map((frame) => frame.text ?? "").join("");
    expect(words(300).endsWith(text) && text.length > 0).toBe(true);
    expect(frames.at(-1)?.outcome).toBe("completed");
  }, 30_000);

  test("is left to another node by one that stops, and its readers are told to come back", async () => {
    const client = await node(0).client("100");
    const { id, sse } = await begin(node(2), client, 600, 60);
    const reading = sse.take(Number.POSITIVE_INFINITY);
    const remote = readStream(node(1).url, client.key, id);
    const frames = socketFrames(node(2), client, { type: "generate", id: "a", body: bodyOf(600, 60) });
    await Bun.sleep(1_000);
    await node(2).stop();
    const left = await reading;
    expect([left.moved, left.end]).toEqual([1, undefined]);
    const whole = await readStream(node(0).url, client.key, id, left);
    expect([whole.text, whole.end?.outcome]).toEqual([words(600), "completed"]);
    expect(await remote).toMatchObject({ text: words(600), cuts: 0 });
    const { received, code } = await frames;
    const moved = received.at(-1);
    expect([moved?.type, code]).toEqual(["moved", 1012]);
    const begun = received.map(({ text = "" }) => text).join("");
    const rest = await resumeOverSocket(node(1), client, moved?.stream ?? "", moved?.seq ?? 0);
    expect(begun + rest.map(({ text = "" }) => text).join("")).toBe(words(600));
    // Two streams, two nodes each: each charged what it delivered.
    await eventually(async () => (await bookedFor(client)).length === 4, 10_000);
    expect((await bookedFor(client)).every(({ charged }) => charged > 0n)).toBe(true);
    await node(2).restart();
    await expectBooksRight();
  }, 60_000);
});

interface Frame {
  readonly type: string;
  readonly seq?: number;
  readonly text?: string;
  readonly stream?: string;
  readonly outcome?: string;
}

/** All frames until the socket closes or a stream has ended. */
function socketFrames(
  gateway: Gateway,
  { key }: Client,
  first: object,
): Promise<{ readonly received: readonly Frame[]; readonly code: number }> {
  const received: Frame[] = [];
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/ws`, {
    headers: { authorization: `Bearer ${key}` },
  });
  socket.addEventListener("open", () => socket.send(JSON.stringify(first)));
  return new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame;
      received.push(frame);
      if (frame.type === "done" || frame.type === "error") socket.close();
    });
    socket.addEventListener("close", ({ code }) => resolve({ received, code }));
  });
}

const resumeOverSocket = async (
  gateway: Gateway,
  client: Client,
  stream: string,
  after: number,
): Promise<readonly Frame[]> =>
  (await socketFrames(gateway, client, { type: "resume", id: "a", stream, after })).received;
