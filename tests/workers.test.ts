import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dirname } from "node:path";
import { thisMachine } from "../scripts/machine.ts";
import { PROGRAMS } from "../scripts/programs.ts";
import { findProgram } from "../scripts/servers.ts";
import { type Client, type Gateway, micro, startGateway } from "./gateway.ts";

/** Two workers on one port, with the Postgres and the nats-server that their parent starts. */
const MODEL = "counting";
const CONFIG = {
  server: { workers: 2 },
  models: { [MODEL]: [{ vendor: "sandbox", model: "sandbox-chat", price: { input: 1, output: 10 } }] },
};
const WORKERS = [1, 2] as const;

/** The parent looks for its nats-server on the PATH: it is put there, wherever this machine has it from. */
async function pathWithNats(): Promise<string> {
  const found = await findProgram("nats-server", { ...thisMachine, env: {} });
  const [program, ...more] = found.via === "environment" ? [] : found.command;
  if (program === undefined || more.length > 0) {
    throw new Error(
      `workers need a nats-server that can be put on the PATH; ${PROGRAMS["nats-server"].advice}`,
    );
  }
  return `${dirname(program)}:${process.env.PATH}`;
}

let gateway: Gateway;
let env: { readonly PATH: string };
beforeAll(async () => {
  env = { PATH: await pathWithNats() };
  gateway = await startGateway(CONFIG, env);
  await bothReady();
});
afterAll(() => gateway.dispose());

interface NodeShown {
  readonly id: string;
  readonly state: string;
  readonly open_websockets?: number;
}
const nodes = async (): Promise<readonly NodeShown[]> =>
  (await gateway.admin<{ data: readonly NodeShown[] }>("GET", "/nodes")).data;
const metrics = async (): Promise<string> => (await fetch(`${gateway.url}/metrics`)).text();
const count = (text: string, part: string): number => text.split(part).length - 1;

async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`it did not come to be:\n${gateway.log()}`);
    await Bun.sleep(50);
  }
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}
const wrongBooks = async (): Promise<readonly Check[]> =>
  (await gateway.admin<{ checks: readonly Check[] }>("GET", "/ledger/reconcile")).checks.filter(
    ({ ok }) => !ok,
  );

/** Whoever is ready first answers first. */
const bothReady = () =>
  eventually(async () => (await nodes()).filter(({ state }) => state === "ready").length === WORKERS.length);

/** The process of a worker, as the log last told it. */
function pidOf(worker: number): number {
  const log = gateway.log();
  const started = log.lastIndexOf('"pids":[');
  const first = /"pids":\[([\d,]+)\]/.exec(log.slice(started))?.[1]?.split(",")[worker - 1];
  const back = [...log.slice(started).matchAll(/"pid":(\d+),"message":"worker (\d) is back"/g)];
  return Number(back.findLast(([, , number]) => Number(number) === worker)?.[1] ?? first);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const bodyOf = (tokens: number, pace: number) => ({
  model: MODEL,
  messages: [{ role: "user", content: "Count." }],
  sandbox: { tokens, tokens_per_second: pace, verify: true, first_token_ms: 0 },
});
const words = (number: number): string =>
  Array.from({ length: number }, (_, index) => `w${index + 1}`).join(" ");

/** A socket on one of the workers, whichever the kernel chose. */
async function openSocket(query: string, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/ws${query}`, protocols);
  return await new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error("the socket was refused"));
  });
}

interface Frame {
  readonly type: string;
  readonly stream?: string;
  readonly seq?: number;
  readonly text?: string;
  readonly outcome?: string;
}

/** Reads deltas until there are so many, or the stream's end. */
function read(socket: WebSocket, deltas: number): Promise<readonly Frame[]> {
  const frames: Frame[] = [];
  return new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame;
      frames.push(frame);
      const seen = frames.filter(({ type }) => type === "delta").length;
      if (seen >= deltas || frame.type === "done" || frame.type === "error") resolve(frames);
    };
  });
}

const textOf = (frames: readonly Frame[]): string => frames.map(({ text }) => text ?? "").join("");

describe("two workers on one port", () => {
  test("are two nodes, each named in the log and in every scrape, whoever answers it", async () => {
    expect((await nodes()).map(({ id, state }) => [id.slice(-2), state])).toEqual([
      ["-1", "ready"],
      ["-2", "ready"],
    ]);
    for (const worker of WORKERS) expect(gateway.log()).toContain(`"worker":${worker},`);
    for (let scrape = 0; scrape < 8; scrape += 1) {
      const text = await metrics();
      for (const worker of WORKERS) expect(text).toContain(`cluster_live_nodes{worker="${worker}"} 2`);
      expect(count(text, "# TYPE cluster_live_nodes gauge")).toBe(1);
    }
  });

  test("a ticket that one has made opens a socket at either", async () => {
    const client = await gateway.client("1");
    for (let time = 0; time < 12; time += 1) {
      const { ticket } = (await (await client.post("/v1/ws/tickets", {})).json()) as { ticket: string };
      const socket = await openSocket(`?ticket=${ticket}`);
      socket.close();
      await expect(openSocket(`?ticket=${ticket}`)).rejects.toThrow("refused");
    }
  });

  test("a stream of a socket is gone on with over a socket of the other", async () => {
    const client = await gateway.client("10");
    const key = ["sluice.v1.json", `sluice.key.${client.key}`];
    const place = async (): Promise<readonly number[]> =>
      (await nodes()).map(({ open_websockets = 0 }) => open_websockets);
    await eventually(async () => (await place()).every((sockets) => sockets === 0));
    const first = await openSocket("", key);
    first.send(JSON.stringify({ type: "generate", id: "a", body: bodyOf(400, 100) }));
    const seen = await read(first, 5);
    const home = (await place()).indexOf(1);
    const others: WebSocket[] = [];
    while ((await place())[1 - home] === 0) others.push(await openSocket("", key));
    const elsewhere = others.at(-1);
    if (elsewhere === undefined) throw new Error("no socket was opened");
    first.close();
    const stream = seen.find(({ type }) => type === "started")?.stream;
    const after = seen.at(-1)?.seq;
    elsewhere.send(JSON.stringify({ type: "resume", id: "b", stream, after }));
    const rest = await read(elsewhere, Number.POSITIVE_INFINITY);
    expect(rest.at(-1)).toMatchObject({ type: "done", outcome: "completed" });
    expect(textOf([...seen, ...rest])).toBe(words(400));
    for (const socket of others) socket.close();
  });

  test("kill -9 of one under load: the other serves, it comes back, and every answer is charged once", async () => {
    const client = await gateway.client("1000");
    const spentBefore = micro((await client.balance()).spent);
    const killed = pidOf(1);
    const served: { readonly id: string; readonly isAfter: boolean }[] = [];
    let broken = 0;
    let isKilled = false;
    let isOver = false;
    const ask = async (): Promise<void> => {
      while (!isOver) {
        const isAfter = isKilled;
        // A connection each, so that both are asked all the time.
        const answer = await client
          .post("/v1/chat/completions", bodyOf(10, 2_000), { connection: "close" })
          .then(async (response) => ({ response, text: await response.text() }))
          .catch(() => undefined);
        if (answer?.response.status === 200 && answer.text.includes("w10")) {
          served.push({ id: answer.response.headers.get("x-request-id") ?? "", isAfter });
        } else broken += 1;
      }
    };
    const askers = Array.from({ length: 12 }, ask);
    await eventually(async () => served.length > 100);
    process.kill(killed, "SIGKILL");
    isKilled = true;
    await eventually(async () => served.filter(({ isAfter }) => isAfter).length > 100);
    await eventually(async () => gateway.log().includes('"message":"worker 1 is back"'));
    await bothReady();
    isOver = true;
    await Promise.all(askers);
    expect(pidOf(1)).not.toBe(killed);

    // What was running when the worker died may have been charged without an answer; nothing else.
    expect(await wrongBooks()).toEqual([]);
    let costs = 0n;
    for (const { id } of served) {
      const receipt = (await (await client.get(`/v1/receipts/${id}`)).json()) as { charged: string };
      expect(micro(receipt.charged)).toBeGreaterThan(0n);
      costs += micro(receipt.charged);
    }
    const { balance, spent, reserved } = await client.balance();
    const each = costs / BigInt(served.length);
    const more = micro(spent) - spentBefore - costs;
    expect(more).toBeGreaterThanOrEqual(0n);
    expect(more).toBeLessThanOrEqual(BigInt(broken) * each);
    expect(micro(balance) + micro(spent)).toBe(micro("1000"));
    expect(reserved).toBe("0");
  }, 120_000);

  test("SIGHUP is read by both", async () => {
    process.kill(gateway.pid, "SIGHUP");
    const told = (worker: number) =>
      `"worker":${worker},"message":"configuration read again: nothing has changed"`;
    await eventually(async () => WORKERS.every((worker) => gateway.log().includes(told(worker))));
  });

  test("kill -9 of the parent takes all with it, and the next start finds everything", async () => {
    const client = await gateway.client("100");
    const answer = await client.post("/v1/chat/completions", bodyOf(10, 2_000));
    expect(answer.status).toBe(200);
    const pids = WORKERS.map(pidOf);
    await gateway.kill();
    await eventually(async () => pids.every((pid) => !isRunning(pid)));
    await gateway.restart();
    await bothReady();
    expect(await wrongBooks()).toEqual([]);
    expect((await client.balance()).spent).toBe("0.000105");
  }, 120_000);

  test("SIGTERM lets what runs at either end, and starts again on the same books", async () => {
    const client: Client = await gateway.client("100");
    const answers = Array.from({ length: 8 }, async () => {
      const response = await client.post("/v1/chat/completions", { ...bodyOf(60, 60), stream: true });
      return response.text();
    });
    await eventually(async () => {
      const running = [...(await metrics()).matchAll(/^active_streams\{worker="\d"\} (\d+)/gm)];
      return running.reduce((sum, [, streams]) => sum + Number(streams), 0) === 8;
    });
    const pids = WORKERS.map(pidOf);
    await gateway.stop();
    for (const text of await Promise.all(answers)) expect(text.trimEnd()).toEndWith("data: [DONE]");
    expect(pids.map(isRunning)).toEqual([false, false]);
    await gateway.restart();
    await bothReady();
    expect(await wrongBooks()).toEqual([]);
    expect(micro((await client.balance()).spent)).toBeGreaterThan(0n);
  }, 120_000);
});

test("the first start of several workers tells the admin key once, and it opens both", async () => {
  const fresh = await startGateway(CONFIG, { ...env, SLUICE_ADMIN_KEY: "" });
  try {
    const keys = [...fresh.log().matchAll(/"admin_key":"(sk-admin-[^"]+)"/g)];
    expect(keys).toHaveLength(1);
    const headers = { authorization: `Bearer ${keys[0]?.[1]}`, connection: "close" };
    for (let time = 0; time < 8; time += 1) {
      expect((await fetch(`${fresh.url}/admin/v1/nodes`, { headers })).status).toBe(200);
    }
  } finally {
    await fresh.dispose();
  }
}, 60_000);

test("workers do not share a port with somebody else's process", async () => {
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, reusePort: true, fetch: () => new Response() });
  try {
    const taken = { ...env, PORT: String(other.port) };
    await expect(startGateway(CONFIG, taken)).rejects.toThrow("Set PORT or HOST to another");
  } finally {
    await other.stop(true);
  }
}, 60_000);

test("without a nats-server, several workers are refused with what to do", async () => {
  await expect(startGateway(CONFIG, { PATH: "/nowhere" })).rejects.toThrow("put nats-server 2.10 or newer");
}, 60_000);
