import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, type Gateway, micro, sluiceComment, startGateway } from "./gateway.ts";

/** What stays right while the database or the gateway itself dies. */
let gateway: Gateway;
let client: Client;

beforeEach(async () => {
  gateway = await startGateway({
    models: {
      "sandbox-chat": [{ vendor: "sandbox", model: "sandbox-chat", price: { input: 1, output: 3 } }],
    },
  });
  client = await gateway.client("100");
}, 60_000);
afterEach(() => gateway.dispose(), 60_000);

const body = (tokens: number, rate: number, stream = true) => ({
  model: "sandbox-chat",
  stream,
  max_tokens: tokens,
  messages: [{ role: "user", content: "go" }],
  sandbox: { tokens, tokens_per_second: rate, first_token_ms: 5 },
});

interface Seen {
  readonly id: string;
  readonly isWhole: boolean;
  readonly cost: string | undefined;
}

/** Reads a stream to its end, however it ends. */
async function run(tokens: number, rate: number): Promise<Seen> {
  let text = "";
  let id = "";
  try {
    const response = await client.post("/v1/chat/completions", body(tokens, rate));
    id = response.headers.get("x-request-id") ?? "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    // The connection died with the gateway: that is what is tested.
  }
  return { id, isWhole: text.includes("[DONE]"), cost: sluiceComment(text)?.cost };
}

async function receiptOf(
  id: string,
): Promise<{ charged: string; outcome: string; flags: string[] } | undefined> {
  const response = await client.get(`/v1/receipts/${id}`);
  return response.ok
    ? ((await response.json()) as { charged: string; outcome: string; flags: string[] })
    : undefined;
}

async function expectRightBooks(): Promise<void> {
  const reconciliation = await gateway.admin<{ ok: boolean; checks: { ok: boolean }[] }>(
    "GET",
    "/ledger/reconcile",
  );
  expect(reconciliation.checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(reconciliation.ok).toBe(true);
  const { balance, spent, reserved } = await client.balance();
  expect(reserved).toBe("0");
  expect(micro(balance) + micro(spent)).toBe(100_000_000n);
}

describe("kill -9 while streams run", () => {
  test("each finished answer was charged exactly once, the cut ones for their last note, and the books are right", async () => {
    const seen: Promise<Seen>[] = [];
    for (let number = 0; number < 60; number += 1) seen.push(run(10 + number * 4, 60));
    await Bun.sleep(2_500);
    await gateway.kill();
    const all = await Promise.all(seen);
    await gateway.restart();
    await expectRightBooks();
    const whole = all.filter(({ isWhole }) => isWhole);
    expect(whole.length).toBeGreaterThan(5);
    expect(whole.length).toBeLessThan(60);
    let charged = 0n;
    for (const { id, isWhole, cost } of all) {
      if (id === "") continue;
      const receipt = await receiptOf(id);
      if (isWhole) expect(receipt?.charged).toBe(cost ?? "");
      // One whose end was on the disk when the process died was whole, although its client did not get the last bytes.
      else if (receipt?.outcome !== "completed") expect(receipt?.flags).toContain("in_doubt");
      charged += micro(receipt?.charged ?? "0");
    }
    expect(micro((await client.balance()).spent)).toBe(charged);
  }, 60_000);

  test("again and again: nothing is charged twice or lost", async () => {
    let wholeCosts = 0n;
    let wholeCount = 0;
    for (let round = 0; round < 3; round += 1) {
      let ended = 0;
      const seen = Array.from({ length: 40 }, (_, number) =>
        run(2 + (number % 7) * 5, 400).finally(() => (ended += 1)),
      );
      // Some are whole by then, others run: at once on an idle machine, later on a busy one.
      while (ended < 5 + round * 10) await Bun.sleep(5);
      await gateway.kill();
      for (const { isWhole, cost } of await Promise.all(seen)) {
        if (!isWhole) continue;
        wholeCount += 1;
        wholeCosts += micro(cost ?? "0");
      }
      await gateway.restart();
      await expectRightBooks();
    }
    expect(wholeCount).toBeGreaterThan(10);
    expect(micro((await client.balance()).spent)).toBeGreaterThanOrEqual(wholeCosts);
  }, 90_000);
});

describe("Postgres killed", () => {
  test("and back while requests run: warm clients notice nothing, and everything is booked afterwards", async () => {
    expect((await run(5, 0)).isWhole).toBe(true);
    const pid = async () =>
      Number(
        (await readFile(join(gateway.directory, "data/postgres/cluster/postmaster.pid"), "utf8")).split(
          "\n",
        )[0],
      );
    const seen: Promise<Seen>[] = [];
    const before = await pid();
    for (let number = 0; number < 30; number += 1) {
      seen.push(run(20, 100));
      if (number === 10) process.kill(before, "SIGKILL");
      await Bun.sleep(20);
    }
    const all = await Promise.all(seen);
    expect(all.filter(({ isWhole }) => !isWhole)).toEqual([]);
    for (let turns = 0; turns < 200; turns += 1) {
      if ((await client.balance().catch(() => undefined)) !== undefined) break;
      await Bun.sleep(100);
    }
    expect(await pid()).not.toBe(before);
    await expectRightBooks();
    for (const { id, cost } of all) expect((await receiptOf(id))?.charged).toBe(cost ?? "");
  }, 60_000);
});

describe("SIGTERM", () => {
  test("lets running streams end, refuses new ones, and gives every point back", async () => {
    const running = Array.from({ length: 10 }, () => run(60, 60));
    await Bun.sleep(300);
    const stopped = gateway.stop();
    const all = await Promise.all(running);
    expect(all.filter(({ isWhole }) => !isWhole)).toEqual([]);
    await stopped;
    expect(gateway.log()).not.toContain('"level":"error"');
    await gateway.restart();
    await expectRightBooks();
    expect(gateway.log()).not.toContain("requests were running when the node stopped");
  }, 60_000);
});
