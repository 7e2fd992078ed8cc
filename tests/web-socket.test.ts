import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";

const SOCKETS = 10;
const GENERATIONS = 1_000;

let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await startGateway({
    models: {
      "sandbox-chat": [{ vendor: "sandbox", model: "sandbox-chat", price: { input: 1, output: 3 } }],
    },
  });
  client = await gateway.client("1000");
}, 90_000);
afterAll(() => gateway.dispose(), 60_000);

interface Frame {
  readonly type: string;
  readonly id: string;
  readonly seq?: number;
  readonly text?: string;
  readonly cost?: string;
  readonly outcome?: string;
  readonly usage?: { readonly completion_tokens: number };
  readonly error?: { readonly code: string };
}

function open(protocols: string[]): Promise<WebSocket> {
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/ws`, protocols);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error("the socket was refused"));
  });
}

test("a thousand generations at once over ten sockets: each ends once, and the sum of costs is the balance's change", async () => {
  const before = micro((await client.balance()).balance);
  const frames = new Map<string, Frame[]>();
  let done = 0;
  const finished = Promise.withResolvers<void>();
  const sockets = await Promise.all(
    Array.from({ length: SOCKETS }, () => open(["sluice.v1.json", `sluice.key.${client.key}`])),
  );
  for (const socket of sockets) {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame;
      frames.set(frame.id, [...(frames.get(frame.id) ?? []), frame]);
      if (frame.type !== "done" && frame.type !== "error") return;
      done += 1;
      if (done === GENERATIONS) finished.resolve();
    };
  }
  for (let number = 0; number < GENERATIONS; number += 1) {
    const body = {
      model: "sandbox-chat",
      max_tokens: 20,
      messages: [{ role: "user", content: `Number ${number}` }],
      sandbox: { tokens: 5 + (number % 11), tokens_per_second: 200 },
    };
    sockets[number % SOCKETS]?.send(JSON.stringify({ type: "generate", id: `g${number}`, body }));
  }
  await finished.promise;

  let costs = 0n;
  for (let number = 0; number < GENERATIONS; number += 1) {
    const own = frames.get(`g${number}`) ?? [];
    expect(own[0]?.type).toBe("started");
    const ends = own.filter(({ type }) => type === "done");
    expect(ends).toHaveLength(1);
    expect(ends[0]).toBe(own.at(-1));
    expect(ends[0]?.outcome).toBe("completed");
    expect(ends[0]?.usage?.completion_tokens).toBe(5 + (number % 11));
    const seqs = own.flatMap(({ seq }) => seq ?? []);
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, index) => index + 1));
    costs += micro(ends[0]?.cost ?? "0");
  }
  expect(costs).toBeGreaterThan(0n);
  const after = await client.balance();
  expect(before - micro(after.balance)).toBe(costs);
  expect(after.reserved).toBe("0");
  for (const socket of sockets) socket.close();
  expect(await gateway.admin("GET", "/ledger/reconcile")).toMatchObject({ ok: true });
}, 60_000);

test("no credentials, no upgrade", async () => {
  await expect(open(["sluice.v1.json"])).rejects.toThrow("refused");
  const response = await fetch(`${gateway.url}/v1/ws`, {
    headers: { upgrade: "websocket", connection: "upgrade" },
  });
  expect(response.status).toBe(401);
});

test("a key that is revoked loses its sockets within a second or so, and its generations are settled", async () => {
  const other = await gateway.client("10");
  const socket = await open(["sluice.v1.json", `sluice.key.${other.key}`]);
  const closed = new Promise<number>((resolve) => {
    socket.onclose = ({ code }) => resolve(code);
  });
  const body = {
    model: "sandbox-chat",
    messages: [{ role: "user", content: "long" }],
    sandbox: { tokens: 2_000, tokens_per_second: 50 },
  };
  socket.send(JSON.stringify({ type: "generate", id: "a", body }));
  await Bun.sleep(300);
  await gateway.admin("DELETE", `/keys/${other.keyId}`);
  expect(await closed).toBe(1008);
  let balance = await other.balance();
  for (let turns = 0; turns < 50 && balance.reserved !== "0"; turns += 1) {
    await Bun.sleep(50);
    balance = await other.balance();
  }
  expect(balance.reserved).toBe("0");
  expect(micro(balance.spent)).toBeGreaterThan(0n);
});
