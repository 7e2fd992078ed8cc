import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { systemClock } from "../core/clock.ts";
import { tenantId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import { createAccounts } from "./accounts.ts";
import { registerNode } from "./nodes.ts";
import { Purse } from "./purse.ts";
import { type NodeBooks, reconcile } from "./reconcile.ts";
import { systemFiles } from "./spool/files.ts";
import { Spool } from "./spool/spool.ts";
import { createTenants } from "./tenants.ts";
import { intentOf, node, usageOf } from "./testing/records.ts";
import { UsageWriter } from "./usage-writer.ts";

const tenant = tenantId("t");
const µ = (amount: number) => micropointsOf(BigInt(amount));

let database: TestDatabase;
let directory: string;
let spool: Spool;
let writer: UsageWriter;
let purse: Purse;
let books: NodeBooks;
let running: number;

/** A node that was granted 1,000 and spent 300 of them in two requests, one of which cost the platform 5 more. */
beforeEach(async () => {
  database = await testDatabase();
  directory = mkdtempSync(join(tmpdir(), "reconcile-"));
  const { sql } = database;
  await createTenants(sql).create({ id: tenant, name: "T", tier: "normal", overdraft: ZERO });
  const accounts = createAccounts(sql);
  await accounts.topUp(tenant, µ(5_000), "first");
  const from = await registerNode(sql, node);
  const files = systemFiles;
  ({ spool } = Spool.open({
    directory,
    files,
    clock: systemClock,
    log: silentLog,
    floor: from,
    capBytes: 1e9,
    segmentBytes: 1e8,
  }));
  purse = new Purse();
  const onBooked = (_tenant: string, charged: bigint) => purse.booked(micropointsOf(charged));
  writer = new UsageWriter({ sql, spool, node, clock: systemClock, log: silentLog, from, onBooked });
  purse.add(await accounts.grant({ id: "g", tenant, node, amount: µ(1_000), atLeast: µ(1) }));
  running = 0;
  books = {
    node,
    flush: () => writer.flush(1_000),
    purses: () => new Map([[tenant, purse]]),
    oldestHoldMs: () => 0,
    openIntents: () => ({ spooled: spool.depth.openIntents, running }),
  };
  for (const [id, cost, loss] of [
    ["r1", 100, 0],
    ["r2", 200, 5],
  ] as const) {
    purse.hold(µ(300));
    purse.settle(µ(300), µ(cost));
    await spool.usage(usageOf(id, { charged: µ(cost), loss: µ(loss) }));
  }
});
afterEach(async () => {
  await writer.stop();
  await database.drop();
  rmSync(directory, { recursive: true });
});

async function wrong(): Promise<readonly string[]> {
  const { ok, checks } = await reconcile(database.sql, books);
  const broken = checks.filter((check) => !check.ok).map(({ name }) => name);
  expect(ok).toBe(broken.length === 0);
  return broken;
}

/** As somebody with all rights could, past every trigger and constraint. */
async function tamper(statement: string): Promise<void> {
  await writer.flush(5_000);
  await database.sql.unsafe(`set session_replication_role = replica; ${statement}`).simple();
}

describe("reconciliation", () => {
  test("finds nothing wrong in a ledger that is right", async () => {
    expect(await wrong()).toEqual([]);
    const { checks } = await reconcile(database.sql, books);
    expect(checks.map(({ name }) => name).sort()).toEqual([
      "balances_equal_entries",
      "debits_equal_credits",
      "no_leaked_hold",
      "no_overdraft",
      "no_spool_gap",
      "purses_equal_leases",
      "rollups_equal_usage",
      "settlements_equal_usage",
      "spool_applied",
      "usage_once",
    ]);
  });

  test("finds points out of nowhere", async () => {
    await tamper("update account set balance = balance + 1 where kind = 'tenant'");
    expect(await wrong()).toEqual(["debits_equal_credits", "balances_equal_entries"]);
  });

  test("finds points moved without a transfer", async () => {
    await tamper(`update account set balance = balance + 1 where kind = 'tenant';
                  update account set balance = balance - 1 where kind = 'revenue'`);
    expect(await wrong()).toEqual(["balances_equal_entries"]);
  });

  test("finds a transfer that was changed", async () => {
    await tamper("update transfer set amount = amount + 1 where kind = 'grant'");
    expect(await wrong()).toEqual(["balances_equal_entries"]);
  });

  test("finds an account below what it may owe", async () => {
    await tamper(`alter table account drop constraint account_not_overdrawn;
                  insert into transfer (id, kind, debit, credit, amount)
                    select 'x', 'grant', t.id, r.id, 9000 from account t, account r where t.kind = 'tenant' and r.kind = 'revenue';
                  update account set balance = balance - 9000 where kind = 'tenant';
                  update account set balance = balance + 9000 where kind = 'revenue'`);
    expect(await wrong()).toEqual(["no_overdraft"]);
  });

  test("finds a request that was booked on two days", async () => {
    await tamper(`select ensure_usage_partition('2026-02-01');
                  insert into usage select '2026-02-01', u.id, u.tenant, u.key, u.tier, u.node, u.region, u.operation, u.stream,
                    u.model, u.vendor, u.vendor_model, u.at, u.duration_ms, u.first_token_ms, u.outcome, u.finish_reason,
                    u.error_code, u.usage, u.price, 0, 0, u.attempts, u.flags, null, null from usage u where u.id = 'r1'`);
    expect(await wrong()).toEqual(["usage_once"]);
  });

  test("finds a usage row whose charge was changed", async () => {
    await tamper("update usage set charged = charged - 1 where id = 'r1'");
    expect(await wrong()).toEqual(["settlements_equal_usage", "rollups_equal_usage"]);
  });

  test("finds a loss that is not what its requests lost", async () => {
    await tamper("update usage set loss = loss + 1 where id = 'r2'");
    expect(await wrong()).toEqual(["settlements_equal_usage"]);
  });

  test("finds a charge that no transfer carried", async () => {
    await tamper("update usage set settle = null where id = 'r1'");
    expect(await wrong()).toEqual(["settlements_equal_usage"]);
  });

  test("finds hourly sums that are not the rows'", async () => {
    await tamper("update usage_rollup set charged = charged + 1");
    expect(await wrong()).toEqual(["rollups_equal_usage"]);
  });

  test("finds a gap in a spool", async () => {
    await tamper(`insert into spool_gap (node, expected, found) values ('${node}', 5, 9)`);
    expect(await wrong()).toEqual(["no_spool_gap"]);
  });

  test("finds a ledger that does not take what the spool holds", async () => {
    await writer.flush(5_000);
    await writer.stop();
    await spool.usage(usageOf("r3"));
    expect(await wrong()).toEqual(["spool_applied"]);
  });

  test("finds a purse that has more than the ledger granted, or less", async () => {
    purse.add(µ(1));
    expect(await wrong()).toEqual(["purses_equal_leases"]);
    purse.take(µ(2));
    expect(await wrong()).toEqual(["purses_equal_leases"]);
  });

  test("finds a purse that the ledger knows nothing of", async () => {
    const stray = new Purse();
    stray.add(µ(1));
    books = {
      ...books,
      purses: () =>
        new Map([
          [tenant, purse],
          [tenantId("stray"), stray],
        ]),
    };
    expect(await wrong()).toEqual(["purses_equal_leases"]);
  });

  test("finds a hold that no request answers for", async () => {
    purse.hold(µ(10));
    expect(await wrong()).toEqual(["no_leaked_hold"]);
  });

  test("finds a request that is open in the spool and runs nowhere", async () => {
    await spool.intent(intentOf("lost"));
    expect(await wrong()).toEqual(["no_leaked_hold"]);
    running = 1;
    expect(await wrong()).toEqual([]);
    books = { ...books, oldestHoldMs: () => 2 * 3_600_000 };
    expect(await wrong()).toEqual(["no_leaked_hold"]);
  });
});
