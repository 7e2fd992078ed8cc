import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { createInProcessBus } from "../../bus/in-process.ts";
import { createInProcessMessageLog, type InProcessMessageLog } from "../../bus/in-process-message-log.ts";
import { systemClock as clock } from "../../core/clock.ts";
import { silentLog as log } from "../../core/log.ts";
import { recover } from "../recovery.ts";
import { intentOf, node, progressOf, region } from "../testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "../testing/small-ledger.ts";
import type { Appliers } from "./appliers.ts";
import { appliersOf, streamingNode, type Wires } from "./testing/small-stream.ts";

let ledger: SmallLedger;
let messages: InProcessMessageLog;
let wires: Wires;
let appliers: Appliers[];
beforeEach(async () => {
  ledger = await smallLedger();
  messages = createInProcessMessageLog(clock);
  const bus = createInProcessBus({ clock });
  wires = { messages, bus, close: () => bus.close() };
  appliers = [];
  await ledger.grant(1_000);
});
afterEach(async () => {
  await Promise.all(appliers.map((each) => each.stop()));
  await wires.close();
  await ledger.drop();
});

const apply = (): Appliers => {
  const started = appliersOf(ledger.sql, wires);
  appliers.push(started);
  return started;
};
const spent = async (): Promise<bigint> => (await ledger.accounts.balances(tenant)).spent;
const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await Bun.sleep(5);
};

/** A node that sent a half into the log and died with the other half, and with running requests, on its disk. */
async function deadNode() {
  const dead = await streamingNode(ledger, wires, 1_000);
  await dead.use(40);
  await until(() => dead.shipper.counts.batchesSent > 0);
  await dead.shipper.stop();
  await dead.use(60);
  await dead.spool.intent(intentOf("running"));
  dead.spool.progress(progressOf("running", µ(7)));
  await dead.spool.close();
  return dead;
}

async function restart() {
  const { spool, open, from } = await ledger.start();
  const recovered = await recover({ sql: ledger.sql, spool, open, from, node, region, clock, log });
  await spool.close();
  return recovered;
}

describe("a node that died with half of its usage in the log", () => {
  test("has that half booked by others, and the rest when it starts again", async () => {
    const dead = await deadNode();
    expect(dead.booked).toEqual([]);
    apply();
    await until(async () => (await spent()) === 40n);
    const { inDoubt, returned } = await restart();
    expect([inDoubt, returned, await spent()]).toEqual([1, µ(893), 107n]);
    expect((await ledger.accounts.balances(tenant)).tenantAccount).toBe(µ(9_893));
    expect((await again()).ok).toBe(true);
  });

  test("may start again before anybody applied it: stragglers move nothing", async () => {
    await deadNode();
    const { returned, position } = await restart();
    expect([returned, await spent()]).toEqual([µ(893), 107n]);
    const started = apply();
    await until(() => started.counts.batchesApplied > 0);
    expect([started.counts.recordsApplied, await spent()]).toEqual([0, 107n]);
    const [row] = await ledger.sql<{ sequence: bigint }[]>`select spool_sequence as sequence from node`;
    expect(row?.sequence).toBe(position.sequence);
    expect((await again()).ok).toBe(true);
  });

  test("and lost its disk: what is in the log is booked, and what it does from now on is not taken for it", async () => {
    await deadNode();
    rmSync(ledger.directory, { recursive: true });
    // The new spool gives the same numbers to other records, and sends them after the old ones.
    const next = await streamingNode(ledger, wires, 1_000);
    await next.use(5);
    await until(() => next.shipper.counts.batchesSent > 0);
    expect(next.booked).toEqual([]);
    apply();
    await next.shipper.flush(10_000);
    expect([await spent(), next.booked]).toEqual([45n, [µ(5)]]);
    const [row] = await ledger.sql<{ sequence: bigint }[]>`select spool_sequence as sequence from node`;
    expect(row?.sequence).toBe(next.shipper.position.sequence);
    await next.shipper.stop();
  });

  /** Starts as a node of the cluster after the recovery, uses some more, and looks at the books. */
  async function again() {
    await ledger.grant(500);
    const next = await streamingNode(ledger, wires, 500);
    if (appliers.length === 0) apply();
    await next.use(10);
    return await next.reconcile();
  }
});
