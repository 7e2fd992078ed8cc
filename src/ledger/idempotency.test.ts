import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { nodeId, requestId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { seededRandom } from "../core/random.ts";
import { bookUsage } from "./book-usage.ts";
import { createIdempotencyLedger, type IdempotencyLedger } from "./idempotency.ts";
import { registerNode } from "./nodes.ts";
import { reconcile } from "./reconcile.ts";
import { createSeal } from "./sealed.ts";
import { usageEntry } from "./testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "./testing/small-ledger.ts";

const [a, b] = [nodeId("a"), nodeId("b")];
let ledger: SmallLedger;
let first: IdempotencyLedger;
let second: IdempotencyLedger;
beforeEach(async () => {
  ledger = await smallLedger();
  const seal = createSeal(new Uint8Array(32).fill(7), seededRandom(1));
  [first, second] = [a, b].map((node) => createIdempotencyLedger(ledger.sql, node, seal)) as [
    IdempotencyLedger,
    IdempotencyLedger,
  ]; // two were made
});
afterEach(() => ledger.drop());

const claimOf = (request: string, fingerprint = "same") => ({
  tenant,
  key: "order-7",
  fingerprint,
  request: requestId(request),
});
/** The node that runs it is not heard of any more. */
const lapse = () => ledger.sql`update idempotency set lease_until = now() - interval '1 second'`;

describe("a key", () => {
  test("is claimed by one of many, whoever they ask", async () => {
    const claims = Array.from({ length: 20 }, (_, n) =>
      (n % 2 === 0 ? first : second).claim(claimOf(`r${n}`)),
    );
    const kinds = (await Promise.all(claims)).map(({ kind }) => kind).sort();
    expect(kinds.slice(0, 2)).toEqual(["claimed", "running"]);
    expect(kinds.filter((kind) => kind === "claimed")).toHaveLength(1);
  });

  test("answers what was kept, to the same request only, and nobody can read it in the database", async () => {
    await first.claim(claimOf("r1"));
    expect(await first.keep(claimOf("r1"), "the answer é")).toBe(true);
    expect(await second.claim(claimOf("r2"))).toEqual({ kind: "answered", answer: "the answer é" });
    expect(await second.claim(claimOf("r3", "other"))).toEqual({ kind: "conflict" });
    const [row] = await ledger.sql<
      { answer: Uint8Array; key: string }[]
    >`select answer, key from idempotency`;
    expect(Buffer.from(row?.answer ?? []).toString("latin1")).not.toContain("the answer");
    expect(row?.key).not.toContain("order");
  });

  test("is free again when its run charged nothing, and after a day", async () => {
    await first.claim(claimOf("r1"));
    await first.release(claimOf("r1"));
    expect(await second.claim(claimOf("r2", "other"))).toEqual({ kind: "claimed" });
    await second.keep(claimOf("r2"), "x");
    await ledger.sql`update idempotency set expires_at = now() - interval '1 second'`;
    expect(await first.claim(claimOf("r3"))).toEqual({ kind: "claimed" });
    await ledger.sql`update idempotency set expires_at = now() - interval '1 second'`;
    await lapse();
    expect(await first.forgetExpired(10)).toBe(1);
  });

  test("stays with a node that renews, and passes on from one that does not", async () => {
    await first.claim(claimOf("r1"));
    await lapse();
    await first.renew([requestId("r1")]);
    expect(await second.claim(claimOf("r2"))).toEqual({ kind: "running" });
    await lapse();
    expect(await second.claim(claimOf("r2"))).toEqual({ kind: "claimed" });
    expect(await first.keep(claimOf("r1"), "too late")).toBe(false);
    await first.release(claimOf("r1"));
    expect(await second.keep(claimOf("r2"), "in time")).toBe(true);
  });
});

describe("a run that another took the place of", () => {
  async function book(node: typeof a, id: string, sequence: bigint) {
    const { epoch } = await registerNode(ledger.sql, node);
    await ledger.accounts.grant({ id: `g${id}`, tenant, node, amount: µ(1_000), atLeast: µ(1) });
    const to = { segment: 1, offset: 1, sequence };
    const usages = [usageEntry(id, { charged: µ(300) })];
    await bookUsage({ sql: ledger.sql, log: silentLog }, { node, epoch, from: 1n, to, usages, gaps: [] });
  }
  const spent = async () => (await ledger.accounts.balances(tenant)).spent;
  const charges = async () => (await ledger.charges()).map(({ id, charged, loss }) => [id, charged, loss]);

  const steps = {
    async takeOver() {
      await lapse();
      expect(await second.claim(claimOf("r2"))).toEqual({ kind: "claimed" });
    },
    firstBooked: () => book(a, "r1", 2n),
    secondBooked: () => book(b, "r2", 2n),
  };

  test.each([
    [["takeOver", "firstBooked", "secondBooked"], "r2"],
    [["takeOver", "secondBooked", "firstBooked"], "r2"],
    [["firstBooked", "takeOver", "secondBooked"], "r1"],
  ] as const)("is charged once in the order %p", async (order, paying) => {
    await first.claim(claimOf("r1"));
    for (const step of order) await steps[step]();
    expect(await spent()).toBe(µ(300));
    const other = paying === "r1" ? "r2" : "r1";
    expect(await charges()).toEqual(
      [
        [paying, 300n, 0n],
        [other, 0n, 300n],
      ].sort(),
    );
    const none = { node: a, flush: async () => {}, purses: () => new Map(), oldestHoldMs: () => 0 };
    const { checks } = await reconcile(ledger.sql, {
      ...none,
      openIntents: () => ({ spooled: 0, running: 0 }),
    });
    const broken = checks.filter(({ ok, name }) => !ok && name !== "purses_equal_leases");
    expect(broken).toEqual([]);
  });

  test("stays free for every further run once one was charged", async () => {
    await first.claim(claimOf("r1"));
    await steps.firstBooked();
    await steps.takeOver();
    await lapse();
    expect(await first.claim(claimOf("r3"))).toEqual({ kind: "claimed" });
    await book(a, "r3", 3n);
    await steps.secondBooked();
    expect(await spent()).toBe(µ(300));
  });

  test("books nothing twice when its batch comes again", async () => {
    await first.claim(claimOf("r1"));
    await steps.takeOver();
    await steps.firstBooked();
    const { purses } = await ledger.accounts.balances(tenant);
    await bookAgain();
    expect((await ledger.accounts.balances(tenant)).purses).toEqual(purses);
  });

  async function bookAgain() {
    const [row] = await ledger.sql<{ epoch: bigint }[]>`select spool_epoch as epoch from node where id = 'a'`;
    const to = { segment: 1, offset: 1, sequence: 2n };
    const usages = [usageEntry("r1", { charged: µ(300) })];
    await bookUsage(
      { sql: ledger.sql, log: silentLog },
      { node: a, epoch: row?.epoch ?? 0n, from: 1n, to, usages, gaps: [] },
    );
  }
});
