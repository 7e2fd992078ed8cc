import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "../../tests/postgres.ts";
import { systemClock } from "../core/clock.ts";
import { type NodeId, nodeId, tenantId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import { createAccounts } from "./accounts.ts";
import { claimNode } from "./node-claim.ts";
import { applyFormerSpools, type OpenSpoolOptions, openSpool } from "./open-spool.ts";
import { createTenants } from "./tenants.ts";
import { intentOf, progressOf, region, usageOf } from "./testing/records.ts";

let database: TestDatabase;
let directory: string;
beforeEach(async () => {
  database = await testDatabase();
  directory = mkdtempSync(join(tmpdir(), "spools-"));
});
afterEach(async () => {
  await database.drop();
  rmSync(directory, { recursive: true });
});

const claimIt = (former: NodeId) => claimNode(database.url, former, systemClock);
const opened = (name: string, claim: OpenSpoolOptions["claim"] = claimIt) =>
  openSpool({
    sql: database.sql,
    directory,
    node: nodeId(name),
    claim,
    region,
    clock: systemClock,
    log: silentLog,
  });

test("what a former name of the node left is booked once and removed, and its points go home", async () => {
  const { sql } = database;
  const accounts = createAccounts(sql);
  const tenant = tenantId("t");
  const µ = (amount: number) => micropointsOf(BigInt(amount));
  await createTenants(sql).create({ id: tenant, name: "T", tier: "normal", overdraft: ZERO });
  await accounts.topUp(tenant, µ(1_000), "first");
  const { spool } = await opened("old");
  await accounts.grant({ id: "g", tenant, node: nodeId("old"), amount: µ(500), atLeast: µ(500) });
  await spool.usage(usageOf("whole", { node: nodeId("old"), charged: µ(100) }));
  await spool.intent(intentOf("cut"));
  spool.progress(progressOf("cut", µ(7)));
  await spool.close();
  await (await opened("new")).spool.close();
  await (await opened("new")).spool.close();
  const { spent, tenantAccount } = await accounts.balances(tenant);
  expect([spent, tenantAccount]).toEqual([µ(107), µ(893)]);
  expect(existsSync(join(directory, "old"))).toBe(false);
});

test("the spool of a name under which another process runs is left alone", async () => {
  const { spool } = await opened("busy");
  await spool.usage(usageOf("a", { node: nodeId("busy") }));
  await spool.close();
  const other = await claimNode(database.url, nodeId("busy"), systemClock);
  const clock = new ManualClock();
  const claim = async (former: NodeId) => {
    const claimed = claimNode(database.url, former, clock);
    const tick = setInterval(() => void clock.advance(1_000), 1);
    return claimed.finally(() => clearInterval(tick));
  };
  await (await opened("new", claim)).spool.close();
  expect(existsSync(join(directory, "busy"))).toBe(true);
  await other?.release();
  await (await opened("new")).spool.close();
  expect(existsSync(join(directory, "busy"))).toBe(false);
});

test("what is no spool is left alone and keeps nobody from starting", async () => {
  writeFileSync(join(directory, ".DS_Store"), "");
  mkdirSync(join(directory, "lost+found"));
  mkdirSync(join(directory, "backup"));
  writeFileSync(join(directory, "backup/notes.txt"), "mine");
  const { spool } = await opened("new");
  await spool.close();
  expect(existsSync(join(directory, "backup/notes.txt"))).toBe(true);
  expect(existsSync(join(directory, "lost+found"))).toBe(true);
});

test("spools that are others' to look after are not touched, and are applied once they are nobody's", async () => {
  const { sql } = database;
  await createTenants(sql).create({ id: tenantId("t"), name: "T", tier: "normal", overdraft: ZERO });
  const { spool } = await opened("w-2");
  await spool.usage(usageOf("whole", { node: nodeId("w-2") }));
  await spool.close();
  const options = { sql, directory, claim: claimIt, region, clock: systemClock, log: silentLog };
  await applyFormerSpools({ ...options, isOthers: (name) => name.startsWith("w-") });
  expect(existsSync(join(directory, "w-2"))).toBe(true);
  await applyFormerSpools({ ...options, isOthers: (name) => name === "w-1" });
  expect(existsSync(join(directory, "w-2"))).toBe(false);
  expect((await sql`select 1 from usage`).length).toBe(1);
});
