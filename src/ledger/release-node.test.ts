import { afterEach, beforeEach, expect, test } from "bun:test";
import { systemClock } from "../core/clock.ts";
import { nodeId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { recover } from "./recovery.ts";
import { releaseNode } from "./release-node.ts";
import { intentOf, node, region, usageOf } from "./testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "./testing/small-ledger.ts";

let ledger: SmallLedger;
let isRunning: boolean;
beforeEach(async () => {
  ledger = await smallLedger();
  isRunning = false;
});
afterEach(() => ledger.drop());

const release = (confirm: boolean, name = node) => {
  const claim = async () => (isRunning ? undefined : { keep: async () => true, release: async () => {} });
  return releaseNode({ sql: ledger.sql, claim }, name, confirm);
};

test("what a lost node holds is shown first, and goes back when that is confirmed", async () => {
  await ledger.start();
  await ledger.grant(1_000);
  expect(await release(false)).toMatchObject({ state: "held", held: { tenants: 1, points: µ(1_000) } });
  expect((await ledger.accounts.balances(tenant)).tenantAccount).toBe(µ(9_000));
  expect(await release(true)).toMatchObject({ state: "released", returned: µ(1_000) });
  expect(await release(true)).toMatchObject({ state: "released", held: { points: µ(0) }, returned: µ(0) });
  expect((await ledger.accounts.balances(tenant)).tenantAccount).toBe(µ(10_000));
});

test("a node that runs, or was never there, keeps what it has", async () => {
  await ledger.start();
  await ledger.grant(1_000);
  isRunning = true;
  expect(await release(true)).toMatchObject({ state: "running", held: { points: µ(1_000) } });
  expect((await ledger.accounts.balances(tenant)).tenantAccount).toBe(µ(9_000));
  expect(await release(true, nodeId("nobody"))).toEqual({ state: "unknown" });
});

test("what it had spent all the same is the platform's loss when its disk comes back", async () => {
  const { spool } = await ledger.start();
  await ledger.grant(1_000);
  await spool.intent(intentOf("a"));
  await spool.usage(usageOf("a", { charged: µ(300) }));
  await spool.close();
  await release(true);
  const { sql } = ledger;
  const { open, from, ...again } = await ledger.start();
  await recover({ sql, spool: again.spool, open, from, node, region, clock: systemClock, log: silentLog });
  expect(await ledger.charges()).toMatchObject([
    { id: "a", charged: 0n, loss: 300n, flags: ["platform_loss"] },
  ]);
  expect((await ledger.accounts.balances(tenant)).tenantAccount).toBe(µ(10_000));
});
