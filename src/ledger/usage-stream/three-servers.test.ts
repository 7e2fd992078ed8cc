import { afterAll, beforeAll, expect, test } from "bun:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { type TestNats, testNats } from "../../../tests/nats.ts";
import { node } from "../testing/records.ts";
import { type SmallLedger, smallLedger, tenant } from "../testing/small-ledger.ts";
import { applierName } from "./subjects.ts";
import { appliersOf, type NatsWires, natsWires, STREAM, streamingNode } from "./testing/small-stream.ts";

let nats: TestNats;
let ledger: SmallLedger;
beforeAll(async () => {
  nats = await testNats(3);
  ledger = await smallLedger();
}, 60_000);
afterAll(async () => {
  await nats.dispose();
  await ledger.drop();
});

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await Bun.sleep(100);
};

/** Every copy of the stream and of the applier's place is up to date. */
async function isWhole({ link }: NatsWires): Promise<boolean> {
  try {
    const manager = await jetstreamManager(link.connection);
    const { cluster } = await manager.streams.info(STREAM);
    const place = (await manager.consumers.info(STREAM, applierName(node))).cluster;
    const copies = [...(cluster?.replicas ?? []), ...(place?.replicas ?? [])];
    return copies.length === 4 && copies.every(({ current, offline }) => current && offline !== true);
  } catch {
    return false;
  }
}

test("each server of three is killed in turn, and every record is booked once", async () => {
  await ledger.grant(9_000);
  const [sending, applying] = [
    await natsWires(nats.urls, "sending", 3),
    await natsWires(nats.urls, "applying", 3),
  ];
  const appliers = appliersOf(ledger.sql, applying);
  const own = await streamingNode(ledger, sending, 9_000);
  for (const server of nats.servers) {
    await own.use(300);
    await server.kill();
    await own.use(300);
    await own.shipper.flush(40_000);
    await server.restart();
    await own.use(300);
    await own.shipper.flush(40_000);
    // One failure at a time: until a server has caught up, the loss of another leaves no majority.
    await until(() => isWhole(sending));
  }
  const booked = own.booked.reduce((total, amount) => total + amount, 0n);
  expect([(await ledger.accounts.balances(tenant)).spent, booked]).toEqual([2_700n, 2_700n]);
  expect((await own.reconcile()).checks.filter(({ ok }) => !ok)).toEqual([]);
  await own.shipper.stop();
  await appliers.stop();
  await Promise.all([sending.close(), applying.close()]);
}, 180_000);
