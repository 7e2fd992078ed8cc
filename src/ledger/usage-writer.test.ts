import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { systemClock } from "../core/clock.ts";
import { requestId, tenantId, vendorId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import { type Accounts, createAccounts } from "./accounts.ts";
import { connect } from "./database.ts";
import { registerNode } from "./nodes.ts";
import type { IntentRecord, ProgressRecord, UsageRecord } from "./records.ts";
import { recover } from "./recovery.ts";
import { systemFiles } from "./spool/files.ts";
import type { Position } from "./spool/position.ts";
import type { OpenIntent } from "./spool/replay.ts";
import { Spool } from "./spool/spool.ts";
import { createTenants } from "./tenants.ts";
import { intentOf, node, progressOf, region, usageOf } from "./testing/records.ts";
import { UsageWriter } from "./usage-writer.ts";

let database: TestDatabase;
let accounts: Accounts;
let directory: string;

const µ = (amount: number) => micropointsOf(BigInt(amount));
const tenant = tenantId("t");

beforeEach(async () => {
  database = await testDatabase();
  directory = mkdtempSync(join(tmpdir(), "writer-"));
  accounts = createAccounts(database.sql);
  await createTenants(database.sql).create({ id: tenant, name: "T", tier: "normal", overdraft: ZERO });
  await accounts.topUp(tenant, µ(10_000), "first");
});
afterEach(async () => {
  await database.drop();
  rmSync(directory, { recursive: true });
});

interface Opened {
  spool: Spool;
  writer: UsageWriter;
  open: readonly OpenIntent[];
  from: Position;
  booked: Micropoints[];
}

async function start({ segmentBytes = 1e8, sql = database.sql, at = directory } = {}): Promise<Opened> {
  const from = await registerNode(database.sql, node);
  const files = systemFiles;
  const options = {
    directory: at,
    files,
    clock: systemClock,
    log: silentLog,
    floor: from,
    capBytes: 1e9,
    segmentBytes,
  };
  const { spool, open } = Spool.open(options);
  const booked: Micropoints[] = [];
  const onBooked = (_tenant: string, charged: Micropoints) => void booked.push(charged);
  const writer = new UsageWriter({
    sql,
    spool,
    node,
    clock: systemClock,
    log: silentLog,
    from,
    onBooked,
  });
  return { spool, writer, open, from, booked };
}

const granted = (amount: number) =>
  accounts.grant({ id: `g${amount}`, tenant, node, amount: µ(amount), atLeast: µ(amount) });

async function charges(): Promise<
  { id: string; charged: bigint; loss: bigint; flags: string[]; outcome: string }[]
> {
  return [...(await database.sql`select id, charged, loss, flags, outcome from usage order by id`)] as never;
}

describe("the usage writer", () => {
  test("books each record once and moves its points from the purse to revenue", async () => {
    await granted(1_000);
    const { spool, writer, booked } = await start();
    await Promise.all([1, 2, 3].map((number) => spool.usage(usageOf(`r${number}`, { charged: µ(100) }))));
    await writer.flush(5_000);
    const after = await accounts.balances(tenant);
    expect([after.purses.get(node), after.spent]).toEqual([µ(700), µ(300)]);
    expect(booked).toEqual([µ(300)]);
    expect(writer.lag).toBe(0);
  });

  test("applies a batch again without moving anything when its commit was in doubt", async () => {
    await granted(1_000);
    const first = await start();
    await first.spool.usage(usageOf("r1", { charged: µ(100) }));
    await first.writer.flush(5_000);
    // The answer to the commit was lost: the same records come again, in a larger batch and from the beginning.
    await database.sql`update node set spool_segment = 0, spool_offset = 0, spool_sequence = 0`;
    await first.spool.usage(usageOf("r2", { charged: µ(50) }));
    await first.spool.close();
    const again = await start();
    await again.writer.flush(5_000);
    expect((await accounts.balances(tenant)).spent).toBe(µ(150));
    const [rollup] = await database.sql<{ requests: bigint; charged: bigint }[]>`
      select sum(requests)::bigint as requests, sum(charged)::bigint as charged from usage_rollup`;
    expect(rollup).toEqual({ requests: 2n, charged: 150n });
  });

  test("loses nothing when two processes run under one node's name", async () => {
    await granted(1_000);
    const first = await start();
    const elsewhere = mkdtempSync(join(tmpdir(), "writer-"));
    const second = await start({ at: elsewhere });
    await first.spool.usage(usageOf("r1", { charged: µ(100) }));
    await second.spool.usage(usageOf("r2", { charged: µ(50) }));
    await first.writer.flush(5_000);
    await second.writer.flush(5_000);
    expect((await charges()).map(({ id, charged }) => [id, charged])).toEqual([
      ["r1", 100n],
      ["r2", 50n],
    ]);
    expect((await accounts.balances(tenant)).spent).toBe(µ(150));
    rmSync(elsewhere, { recursive: true });
  });

  test("tells that its node is not registered rather than booking nothing", async () => {
    await granted(1_000);
    const { spool, writer } = await start();
    await database.sql`delete from node`;
    await spool.usage(usageOf("r1", { charged: µ(100) }));
    await expect(writer.flush(300)).rejects.toThrow("did not take");
    expect(String(writer.lastError)).toContain("not registered");
    await registerNode(database.sql, node);
    await writer.flush(5_000);
    expect(await charges()).toHaveLength(1);
  });

  test("goes on after the database was away, and loses nothing", async () => {
    await granted(1_000);
    const { spool, writer } = await start();
    await spool.usage(usageOf("r1", { charged: µ(1) }));
    await database.sql`alter table usage rename to usage_away`;
    const flushed = writer.flush(10_000);
    await Bun.sleep(100);
    expect(writer.lastError).toBeDefined();
    await spool.usage(usageOf("r2", { charged: µ(1) }));
    await database.sql`alter table usage_away rename to usage`;
    await flushed;
    await writer.flush(10_000);
    expect(await charges()).toHaveLength(2);
    expect(writer.lastError).toBeUndefined();
  });

  test("survives its connections being killed in the middle of writing", async () => {
    await granted(5_000);
    const victim = connect(database.url, { name: "victim", max: 2 });
    const { spool, writer } = await start({ sql: victim });
    const random = seededRandom(5);
    let isDone = false;
    const kill = async () => {
      while (!isDone) {
        await database.sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'victim'`;
        // Often in the middle of a batch, and now and then long enough apart for one to get through.
        await Bun.sleep(random.next() * 80);
      }
    };
    const killing = kill();
    for (let number = 0; number < 300; number += 1) {
      await spool.usage(usageOf(`r${number}`, { charged: µ(3) }));
      writer.wake();
    }
    await writer.flush(30_000);
    isDone = true;
    await killing;
    await writer.stop();
    await victim.end({ timeout: 1 });
    const { purses, spent } = await accounts.balances(tenant);
    expect([purses.get(node), spent]).toEqual([µ(4_100), µ(900)]);
  }, 60_000);

  test("books what a purse cannot pay as a loss, alone, and the rest as usual", async () => {
    await granted(100);
    const { spool, writer } = await start();
    await spool.usage(usageOf("a", { charged: µ(60) }));
    await spool.usage(usageOf("b", { charged: µ(60) }));
    await spool.usage(usageOf("c", { charged: µ(0) }));
    await writer.flush(5_000);
    expect(await charges()).toEqual([
      { id: "a", charged: 60n, loss: 0n, flags: [], outcome: "completed" },
      { id: "b", charged: 40n, loss: 20n, flags: ["platform_loss"], outcome: "completed" },
      { id: "c", charged: 0n, loss: 0n, flags: [], outcome: "completed" },
    ]);
    expect((await accounts.balances(tenant)).purses.get(node)).toBe(ZERO);
  });

  test("is not stopped by what a vendor smuggled into a text, nor by a tenant that the ledger does not know", async () => {
    await granted(1_000);
    const { spool, writer } = await start();
    const attempt = {
      vendor: vendorId("v"),
      vendorModel: "vm",
      keyId: "k",
      startedMs: 0,
      durationMs: 1,
      result: "failed",
      status: 500,
      errorCode: null,
      vendorCode: "nul \0 and half \ud83d a pair",
    } as const;
    await spool.usage(usageOf("a", { charged: µ(10), attempts: [attempt] }));
    await spool.usage(usageOf("b", { charged: µ(20), finishReason: "\0" }));
    await spool.usage(usageOf("c", { charged: µ(30), tenant: tenantId("nobody") }));
    await spool.usage(usageOf("d", { charged: µ(40) }));
    await writer.flush(5_000);
    expect(await charges()).toMatchObject([
      { id: "a", charged: 10n, loss: 0n, flags: [] },
      { id: "b", charged: 0n, loss: 20n, flags: ["platform_loss"] },
      { id: "c", charged: 0n, loss: 30n, flags: ["platform_loss"] },
      { id: "d", charged: 40n, loss: 0n, flags: [] },
    ]);
    expect((await accounts.balances(tenant)).spent).toBe(µ(50));
  });

  test("writes a gap down where it can be seen", async () => {
    const { spool, writer } = await start({ segmentBytes: 500 });
    for (let number = 0; number < 8; number += 1) await spool.usage(usageOf(`r${number}`));
    rmSync(join(directory, "0000000002.spool"));
    await spool.close();
    const again = await start({ segmentBytes: 500 });
    await again.writer.flush(5_000);
    expect(await database.sql`select expected from spool_gap`).toHaveLength(1);
    await writer.stop();
  });

  test("releases segments as the ledger has them", async () => {
    const { spool, writer } = await start({ segmentBytes: 500 });
    for (let number = 0; number < 20; number += 1) await spool.usage(usageOf(`r${number}`));
    expect(spool.depth.segments).toBeGreaterThan(5);
    await writer.flush(5_000);
    expect(spool.depth.segments).toBe(1);
  });
});

describe("recovery after a crash", () => {
  async function crashed(records: (IntentRecord | ProgressRecord | UsageRecord)[]) {
    const { spool } = await start();
    for (const record of records) {
      if (record.kind === "intent") await spool.intent(record);
      else if (record.kind === "progress") spool.progress(record);
      else await spool.usage(record);
    }
    await spool.close();
    const { open, from, ...again } = await start();
    const { sql } = database;
    return recover({ sql, spool: again.spool, open, from, node, region, clock: systemClock, log: silentLog });
  }

  test("applies what was used, charges what was in doubt for its last note, and gives the rest back", async () => {
    await granted(1_000);
    const recovered = await crashed([
      intentOf("done"),
      intentOf("streaming"),
      intentOf("waiting"),
      usageOf("done", { charged: µ(200) }),
      progressOf("streaming", µ(30)),
      progressOf("streaming", µ(70)),
    ]);
    expect(recovered).toMatchObject({ inDoubt: 2, returned: µ(730) });
    expect(await charges()).toMatchObject([
      { id: "done", charged: 200n, flags: [] },
      { id: "streaming", charged: 70n, flags: ["in_doubt"], outcome: "truncated" },
      { id: "waiting", charged: 0n, flags: ["in_doubt"], outcome: "truncated" },
    ]);
    const { tenantAccount, spent } = await accounts.balances(tenant);
    expect([tenantAccount, spent]).toEqual([µ(9_730), µ(270)]);
  });

  test("done twice changes nothing the second time", async () => {
    await granted(1_000);
    await crashed([intentOf("a"), usageOf(String(requestId("b")), { charged: µ(5) })]);
    const again = await crashed([]);
    expect(again).toMatchObject({ inDoubt: 0, returned: ZERO });
    expect((await accounts.balances(tenant)).spent).toBe(µ(5));
  });
});
