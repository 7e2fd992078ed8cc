import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../core/clock.ts";
import { tenantId, vendorId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ZERO } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import { NO_USAGE } from "../core/usage.ts";
import { connect } from "./database.ts";
import { registerNode } from "./nodes.ts";
import { type Files, systemFiles } from "./spool/files.ts";
import { lossyProxy } from "./testing/lossy-proxy.ts";
import { intentOf, node, usageOf } from "./testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "./testing/small-ledger.ts";
import { UsageWriter } from "./usage-writer.ts";

let ledger: SmallLedger;
beforeEach(async () => {
  ledger = await smallLedger();
});
afterEach(() => ledger.drop());

describe("the usage writer", () => {
  test("books each record once and moves its points from the purse to revenue", async () => {
    await ledger.grant(1_000);
    const { spool, writer, booked } = await ledger.start();
    await Promise.all([1, 2, 3].map((number) => spool.usage(usageOf(`r${number}`, { charged: µ(100) }))));
    await writer.flush(5_000);
    const after = await ledger.accounts.balances(tenant);
    expect([after.purses.get(node), after.spent]).toEqual([µ(700), µ(300)]);
    expect(booked).toEqual([µ(300)]);
    expect(writer.lag).toBe(0);
  });

  test("applies a batch again without moving anything when its commit was in doubt", async () => {
    await ledger.grant(1_000);
    const first = await ledger.start();
    await first.spool.usage(usageOf("r1", { charged: µ(100) }));
    await first.writer.flush(5_000);
    // The answer to the commit was lost: the same records come again, in a larger batch and from the beginning.
    await ledger.sql`update node set spool_segment = 0, spool_offset = 0, spool_sequence = 0`;
    await first.spool.usage(usageOf("r2", { charged: µ(50) }));
    await first.spool.close();
    const again = await ledger.start();
    await again.writer.flush(5_000);
    expect((await ledger.accounts.balances(tenant)).spent).toBe(µ(150));
    const [rollup] = await ledger.sql<{ requests: bigint; charged: bigint }[]>`
      select sum(requests)::bigint as requests, sum(charged)::bigint as charged from usage_rollup`;
    expect(rollup).toEqual({ requests: 2n, charged: 150n });
  });

  test("loses nothing when two processes run under one node's name", async () => {
    await ledger.grant(1_000);
    const first = await ledger.start();
    const elsewhere = mkdtempSync(join(tmpdir(), "writer-"));
    const second = await ledger.start({ at: elsewhere });
    await first.spool.usage(usageOf("r1", { charged: µ(100) }));
    await second.spool.usage(usageOf("r2", { charged: µ(50) }));
    await first.writer.flush(5_000);
    await second.writer.flush(5_000);
    expect((await ledger.charges()).map(({ id, charged }) => [id, charged])).toEqual([
      ["r1", 100n],
      ["r2", 50n],
    ]);
    expect((await ledger.accounts.balances(tenant)).spent).toBe(µ(150));
    rmSync(elsewhere, { recursive: true });
  });

  test("tells that its node is not registered rather than booking nothing", async () => {
    await ledger.grant(1_000);
    const { spool, writer } = await ledger.start();
    await ledger.sql`delete from node`;
    await spool.usage(usageOf("r1", { charged: µ(100) }));
    await expect(writer.flush(300)).rejects.toThrow("did not take");
    expect(String(writer.lastError)).toContain("not registered");
    await registerNode(ledger.sql, node);
    await writer.flush(5_000);
    expect(await ledger.charges()).toHaveLength(1);
  });

  test("goes on after the database was away, and loses nothing", async () => {
    await ledger.grant(1_000);
    const { spool, writer } = await ledger.start();
    await spool.usage(usageOf("r1", { charged: µ(1) }));
    await ledger.sql`alter table usage rename to usage_away`;
    const flushed = writer.flush(10_000);
    await Bun.sleep(100);
    expect(writer.lastError).toBeDefined();
    await spool.usage(usageOf("r2", { charged: µ(1) }));
    await ledger.sql`alter table usage_away rename to usage`;
    await flushed;
    await writer.flush(10_000);
    expect(await ledger.charges()).toHaveLength(2);
    expect(writer.lastError).toBeUndefined();
  });

  test("survives its connections being killed in the middle of writing", async () => {
    await ledger.grant(5_000);
    const victim = connect(ledger.database.url, { name: "victim", max: 2 });
    const { spool, writer } = await ledger.start({ sql: victim });
    const random = seededRandom(5);
    let isDone = false;
    const kill = async () => {
      for (let times = 1; !isDone; times += 1) {
        await ledger.sql`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'victim'`;
        // Often in the middle of a batch, and farther and farther apart, so that one gets through on any machine.
        await Bun.sleep(random.next() * 4 * (20 + times));
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
    const { purses, spent } = await ledger.accounts.balances(tenant);
    expect([purses.get(node), spent]).toEqual([µ(4_100), µ(900)]);
  }, 60_000);

  test("books nothing twice when answers are lost after the commit", async () => {
    await ledger.grant(5_000);
    const proxy = lossyProxy(ledger.database.url, seededRandom(5), 0.4);
    const sql = connect(proxy.url, { max: 1 });
    const { spool, writer, booked } = await ledger.start({ sql });
    for (let number = 0; number < 25; number += 1) {
      await spool.usage(usageOf(`r${number}`, { charged: µ(7), loss: µ(1) }));
      await writer.flush(30_000);
    }
    expect(proxy.lost).toBeGreaterThan(4);
    expect(booked.reduce((sum, amount) => sum + amount, 0n)).toBe(175n);
    const { purses, spent } = await ledger.accounts.balances(tenant);
    expect([purses.get(node), spent]).toEqual([µ(4_825), µ(175)]);
    const [rollup] = await ledger.sql`
      select sum(requests)::int as requests, sum(charged)::int as charged, sum(loss)::int as loss from usage_rollup`;
    expect({ ...rollup }).toEqual({ requests: 25, charged: 175, loss: 25 });
    const [loss] = await ledger.sql<{ balance: bigint }[]>`select balance from account where kind = 'loss'`;
    expect(loss?.balance).toBe(-25n);
    await sql.end({ timeout: 1 });
    proxy.close();
  }, 60_000);

  test("books what a purse cannot pay as a loss, alone, and the rest as usual", async () => {
    await ledger.grant(100);
    const { spool, writer } = await ledger.start();
    await spool.usage(usageOf("a", { charged: µ(60) }));
    await spool.usage(usageOf("b", { charged: µ(60) }));
    await spool.usage(usageOf("c", { charged: µ(0) }));
    await writer.flush(5_000);
    expect(await ledger.charges()).toEqual([
      { id: "a", charged: 60n, loss: 0n, flags: [], outcome: "completed" },
      { id: "b", charged: 40n, loss: 20n, flags: ["platform_loss"], outcome: "completed" },
      { id: "c", charged: 0n, loss: 0n, flags: [], outcome: "completed" },
    ]);
    expect((await ledger.accounts.balances(tenant)).purses.get(node)).toBe(ZERO);
  });

  test("is not stopped by what a vendor smuggled into a text, nor by a tenant that the ledger does not know", async () => {
    await ledger.grant(1_000);
    const { spool, writer } = await ledger.start();
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
    expect(await ledger.charges()).toMatchObject([
      { id: "a", charged: 10n, loss: 0n, flags: [] },
      { id: "b", charged: 0n, loss: 20n, flags: ["platform_loss"] },
      { id: "c", charged: 0n, loss: 30n, flags: ["platform_loss"] },
      { id: "d", charged: 40n, loss: 0n, flags: [] },
    ]);
    expect((await ledger.accounts.balances(tenant)).spent).toBe(µ(50));
  });

  test("writes a gap down where it can be seen", async () => {
    const { spool, writer } = await ledger.start({ segmentBytes: 500 });
    for (let number = 0; number < 8; number += 1) await spool.usage(usageOf(`r${number}`));
    rmSync(join(ledger.directory, "0000000002.spool"));
    await spool.close();
    const again = await ledger.start({ segmentBytes: 500 });
    await again.writer.flush(5_000);
    expect(await ledger.sql`select expected from spool_gap`).toHaveLength(1);
    await writer.stop();
  });

  test("releases segments as the ledger has them", async () => {
    const { spool, writer } = await ledger.start({ segmentBytes: 500 });
    for (let number = 0; number < 20; number += 1) await spool.usage(usageOf(`r${number}`));
    expect(spool.depth.segments).toBeGreaterThan(5);
    await writer.flush(5_000);
    expect(spool.depth.segments).toBe(1);
  });

  test("writes what came while it was trying, without being asked again", async () => {
    const { spool, writer } = await ledger.start();
    await spool.usage(usageOf("before"));
    await ledger.sql`alter table usage rename to usage_away`;
    writer.wake();
    while (writer.lastError === undefined) await Bun.sleep(1);
    await spool.usage(usageOf("meanwhile"));
    writer.wake();
    await ledger.sql`alter table usage_away rename to usage`;
    while ((await ledger.charges()).length < 2) await Bun.sleep(10);
  });

  test("tries again when the spool cannot be read", async () => {
    const first = await ledger.start();
    await first.spool.usage(usageOf("a"));
    await first.spool.close();
    let isBroken = false;
    const files: Files = {
      ...systemFiles,
      read(descriptor, buffer, position) {
        if (isBroken) throw new Error("EIO: i/o error");
        return systemFiles.read(descriptor, buffer, position);
      },
    };
    const { writer } = await ledger.start({ files });
    isBroken = true;
    writer.wake();
    while (writer.lastError === undefined) await Bun.sleep(1);
    isBroken = false;
    await writer.flush(10_000);
    expect(await ledger.charges()).toHaveLength(1);
  });

  test("moves the watermark before a file is deleted, also when there was nothing to book in it", async () => {
    const { spool, writer } = await ledger.start({ segmentBytes: 500 });
    await spool.usage(usageOf("a"));
    await writer.flush(5_000);
    for (let number = 0; number < 8; number += 1) await spool.intent(intentOf(`i${number}`));
    await writer.flush(5_000);
    expect(writer.position.segment).toBeGreaterThan(1);
    const [row] = await ledger.sql<{ spool_segment: bigint }[]>`select spool_segment from node`;
    expect(Number(row?.spool_segment)).toBe(writer.position.segment);
  });

  test("goes back when the ledger was put back, and tells no purse twice", async () => {
    await ledger.grant(1_000);
    const { spool, writer, booked } = await ledger.start();
    await spool.usage(usageOf("r1", { charged: µ(100) }));
    await writer.flush(5_000);
    await ledger.sql`update node set spool_segment = 0, spool_offset = 0, spool_sequence = 0`;
    await spool.usage(usageOf("r2", { charged: µ(50) }));
    await writer.flush(5_000);
    expect(booked).toEqual([µ(100), µ(50)]);
    expect((await ledger.accounts.balances(tenant)).spent).toBe(µ(150));
    const [row] = await ledger.sql<{ sequence: bigint }[]>`select spool_sequence as sequence from node`;
    expect(row?.sequence).toBe(writer.position.sequence);
  });

  test("INTENTs after the last charge do not keep a next start from going on", async () => {
    await ledger.grant(1_000);
    const first = await ledger.start();
    await first.spool.usage(usageOf("r1", { charged: µ(100) }));
    await first.writer.flush(5_000);
    for (let number = 0; number < 5; number += 1) await first.spool.intent(intentOf(`i${number}`));
    await first.writer.flush(5_000);
    expect(first.writer.position.sequence).toBeGreaterThan(first.writer.watermark.sequence);
    const { sql } = ledger;
    const next = new UsageWriter({
      sql,
      spool: first.spool,
      node,
      clock: systemClock,
      log: silentLog,
      from: first.writer.watermark,
    });
    await first.spool.usage(usageOf("r2", { charged: µ(50) }));
    await next.flush(5_000);
    expect(next.lastError).toBeUndefined();
    expect((await ledger.accounts.balances(tenant)).spent).toBe(µ(150));
  });

  test("stops although the ledger is away, and is not kept by it", async () => {
    const { spool, writer } = await ledger.start();
    await spool.usage(usageOf("a"));
    await ledger.sql`alter table usage rename to usage_away`;
    const flushed = writer.flush(60_000);
    while (writer.lastError === undefined) await Bun.sleep(1);
    await writer.stop();
    await expect(flushed).rejects.toThrow("stopped");
  });

  test("books the bare sum of a record in which the ledger likes nothing", async () => {
    await ledger.grant(100);
    const { spool, writer } = await ledger.start();
    const nonsense = { ...NO_USAGE, input: 1.5 };
    await spool.usage(usageOf("a", { charged: µ(60), usage: nonsense, finishReason: "\0" }));
    await writer.flush(5_000);
    expect(await ledger.charges()).toMatchObject([{ id: "a", charged: 0n, loss: 60n }]);
  });
});
