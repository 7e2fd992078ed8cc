import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type TestNats, testNats } from "../../../tests/nats.ts";
import { seededRandom } from "../../core/random.ts";
import { connect } from "../database.ts";
import { lossyProxy } from "../testing/lossy-proxy.ts";
import { intentOf, node } from "../testing/records.ts";
import { type SmallLedger, smallLedger, tenant, µ } from "../testing/small-ledger.ts";
import type { Appliers } from "./appliers.ts";
import { applierName } from "./subjects.ts";
import { appliersOf, type NatsWires, natsWires, STREAM, streamingNode } from "./testing/small-stream.ts";

let nats: TestNats;
let ledger: SmallLedger;
let wires: NatsWires;
let manager: JetStreamManager;
let appliers: Appliers[];
beforeAll(async () => {
  nats = await testNats();
});
afterAll(() => nats.dispose());
beforeEach(async () => {
  ledger = await smallLedger();
  wires = await natsWires(nats.urls, "first");
  manager = await jetstreamManager(wires.link.connection);
  appliers = [];
});
afterEach(async () => {
  await Promise.all(appliers.map((each) => each.stop()));
  await manager.streams.delete(STREAM).catch(() => false);
  await wires.close();
  await ledger.drop();
});

const GRANTED = 9_000;
const grant = (): Promise<unknown> => ledger.grant(GRANTED);
const apply = (by = wires, sql = ledger.sql): Appliers => {
  const started = appliersOf(sql, by);
  appliers.push(started);
  return started;
};
const spent = async (): Promise<bigint> => (await ledger.accounts.balances(tenant)).spent;
const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);
const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await Bun.sleep(5);
};

describe("usage through the log", () => {
  test("is booked once, released, and told to the purses", async () => {
    await grant();
    apply();
    const { spool, shipper, booked, ...own } = await streamingNode(ledger, wires, GRANTED, {
      segmentBytes: 50_000,
    });
    for (let round = 0; round < 5; round += 1) await own.use(700);
    await shipper.flush(20_000);
    expect([await spent(), sum(booked), shipper.lag]).toEqual([3_500n, 3_500n, 0]);
    expect(spool.depth.segments).toBe(1);
    expect((await own.reconcile()).checks.filter(({ ok }) => !ok)).toEqual([]);
    await shipper.stop();
  });

  test("stays in the spool and is told to nobody while only the log has it", async () => {
    await grant();
    const { spool, shipper, booked, use } = await streamingNode(ledger, wires, GRANTED, {
      segmentBytes: 5_000,
    });
    for (let round = 0; round < 10; round += 1) await use(10);
    await until(() => shipper.counts.batchesSent > 0);
    // Asked for at least once more, by the shipper itself.
    await expect(shipper.flush(1_200)).rejects.toThrow("did not take");
    expect(spool.depth.segments).toBeGreaterThan(3);
    expect([booked, shipper.position.sequence, await spent()]).toEqual([[], 1n, 0n]);
    apply();
    await shipper.flush(20_000);
    expect([spool.depth.segments, sum(booked), await spent()]).toEqual([1, 100n, 100n]);
    await shipper.stop();
  });

  test("is taken off the log only after the ledger has it: an applier that dies in between loses nothing", async () => {
    await grant();
    const { shipper, use } = await streamingNode(ledger, wires, GRANTED);
    await use(10);
    await until(() => shipper.counts.batchesSent > 0);
    // The node is dead from here on: nobody sends it again.
    await shipper.stop();
    const dying = await natsWires(nats.urls, "dying");
    const victim = connect(ledger.database.url, { name: "victim", max: 1 });
    const held = Promise.withResolvers<void>();
    const isHeld = Promise.withResolvers<void>();
    const holding = ledger.sql.begin(async (holder) => {
      await holder`select 1 from node for update`;
      isHeld.resolve();
      await held.promise;
    });
    await isHeld.promise;
    const first = apply(dying, victim);
    await until(async () => {
      const [row] = await ledger.sql`select count(*)::int as waiting from pg_stat_activity
        where application_name = 'victim' and datname = current_database() and wait_event_type = 'Lock'`;
      return row?.waiting === 1;
    });
    const { num_ack_pending, ack_floor } = await manager.consumers.info(STREAM, applierName(node));
    expect([num_ack_pending, ack_floor.stream_seq]).toEqual([1, 0]);
    await dying.close();
    await ledger.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'victim' and datname = current_database()`;
    await victim.end({ timeout: 0 });
    held.resolve();
    await holding;
    expect(await spent()).toBe(0n);
    await first.stop();
    apply();
    await until(async () => (await spent()) === 10n);
    await until(async () => (await manager.consumers.info(STREAM, applierName(node))).num_ack_pending === 0);
  }, 30_000);

  test("outlives a kill -9 of the servers in the middle", async () => {
    await grant();
    apply();
    const own = await streamingNode(ledger, wires, GRANTED);
    const [server] = nats.servers;
    for (let round = 0; round < 3; round += 1) {
      await own.use(500);
      await server?.kill();
      await own.use(500);
      await server?.restart();
    }
    await own.shipper.flush(40_000);
    expect([await spent(), sum(own.booked)]).toEqual([3_000n, 3_000n]);
    expect((await own.reconcile()).checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(own.shipper.lastError).toBeUndefined();
    await own.shipper.stop();
  }, 60_000);

  test("is booked once when answers of the ledger are lost after the commit", async () => {
    await grant();
    const proxy = lossyProxy(ledger.database.url, seededRandom(7), 0.3);
    const sql = connect(proxy.url, { max: 1 });
    const started = apply(wires, sql);
    const own = await streamingNode(ledger, wires, GRANTED);
    for (let round = 0; round < 25; round += 1) {
      await own.use(4);
      await own.shipper.flush(30_000);
    }
    expect(proxy.lost).toBeGreaterThan(4);
    expect(started.counts.batchesRepeated).toBeGreaterThan(2);
    expect([await spent(), sum(own.booked)]).toEqual([100n, 100n]);
    expect((await own.reconcile()).ok).toBe(true);
    await own.shipper.stop();
    await started.stop();
    await sql.end({ timeout: 1 });
    proxy.close();
  }, 60_000);

  test("waits while the ledger is away", async () => {
    await grant();
    apply();
    const own = await streamingNode(ledger, wires, GRANTED);
    await ledger.sql`alter table usage rename to usage_away`;
    await own.use(50);
    await until(async () => {
      const consumer = await manager.consumers.info(STREAM, applierName(node)).catch(() => undefined);
      return (consumer?.num_redelivered ?? 0) > 0;
    });
    await own.use(50);
    await ledger.sql`alter table usage_away rename to usage`;
    await own.shipper.flush(20_000);
    expect([await spent(), sum(own.booked)]).toEqual([100n, 100n]);
    await own.shipper.stop();
  }, 30_000);

  test("is booked once by two appliers at once, also when one of them dies", async () => {
    await grant();
    const dying = await natsWires(nats.urls, "dying");
    const both = [apply(), apply(dying)];
    const own = await streamingNode(ledger, wires, GRANTED);
    for (let round = 0; round < 20; round += 1) {
      await own.use(50);
      await own.shipper.flush(20_000);
      if (round === 10) await dying.close();
    }
    expect(both.every(({ counts }) => counts.batchesApplied > 0)).toBe(true);
    expect([await spent(), sum(own.booked)]).toEqual([1_000n, 1_000n]);
    expect((await own.reconcile()).ok).toBe(true);
    await own.shipper.stop();
  }, 60_000);

  test("is sent again when the log lost it", async () => {
    await grant();
    const own = await streamingNode(ledger, wires, GRANTED);
    await own.use(2_500);
    await until(() => own.shipper.counts.batchesSent >= 3);
    await manager.streams.purge(STREAM);
    const started = apply();
    await own.shipper.flush(20_000);
    expect([await spent(), sum(own.booked)]).toEqual([2_500n, 2_500n]);
    expect(started.counts.batchesRefused).toBe(0);
    await own.shipper.stop();
  }, 30_000);

  test("is sent again from the gap on when the log lost what came first", async () => {
    await grant();
    const own = await streamingNode(ledger, wires, GRANTED);
    await own.use(2_500);
    await until(() => own.shipper.counts.batchesSent >= 3);
    await manager.streams.purge(STREAM, { keep: 1 });
    const started = apply();
    await own.shipper.flush(20_000);
    expect(started.counts.batchesRefused).toBeGreaterThan(0);
    expect([await spent(), sum(own.booked)]).toEqual([2_500n, 2_500n]);
    expect((await own.reconcile()).ok).toBe(true);
    await own.shipper.stop();
  }, 30_000);

  test("is carried on when the node is told nothing", async () => {
    await grant();
    const bus = { ...wires.bus, publish: () => {}, subscribe: () => ({ close() {} }) };
    const deaf = { messages: wires.messages, bus, close: async () => {} };
    apply();
    const own = await streamingNode(ledger, deaf, GRANTED);
    await own.use(100);
    await own.shipper.flush(20_000);
    expect([await spent(), sum(own.booked)]).toEqual([100n, 100n]);
    await own.shipper.stop();
  }, 30_000);

  test("INTENTs alone cost no message, and hold up nothing that follows", async () => {
    await grant();
    apply();
    const { spool, shipper, use } = await streamingNode(ledger, wires, GRANTED);
    await use(5);
    await shipper.flush(10_000);
    const { batchesSent } = shipper.counts;
    for (let number = 0; number < 10; number += 1) await spool.intent(intentOf(`open${number}`));
    await shipper.flush(10_000);
    expect(shipper.counts.batchesSent).toBe(batchesSent);
    await use(5);
    await shipper.flush(10_000);
    expect(await spent()).toBe(10n);
    await shipper.stop();
  });

  test("what a purse cannot pay is the platform's loss, and the rest is booked as usual", async () => {
    await ledger.grant(100);
    apply();
    const { shipper, use } = await streamingNode(ledger, wires, 100);
    await use(3, { charged: µ(40) });
    await shipper.flush(10_000);
    expect((await ledger.charges()).map(({ charged, loss }) => [charged, loss])).toEqual([
      [40n, 0n],
      [40n, 0n],
      [20n, 20n],
    ]);
    await shipper.stop();
  });
});
