import { expect, test } from "bun:test";
import { createInProcessBus } from "../bus/in-process.ts";
import { nodeId, tenantId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { micropointsOf } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import { createActorHost } from "./host.ts";
import { createPurseDesk } from "./leases/purse-desk.ts";
import { createPurseLeases } from "./leases/purse-leases.ts";
import { LEASE_SWEEP_MS } from "./limits.ts";
import { tenantActor } from "./tenant.ts";
import { quiet } from "./testing/lease-world.ts";
import { ModelLedger } from "./testing/model-ledger.ts";
import { MovableShards } from "./testing/movable-placement.ts";

test("points that an owner grants while it loses its shard are found by the node that asked", async () => {
  const clock = new ManualClock();
  const bus = createInProcessBus({ clock });
  const random = seededRandom(3);
  const ledger = new ModelLedger(clock, seededRandom(4));
  const shards = new MovableShards();
  const [node, other] = [nodeId("a"), nodeId("b")];
  const tenant = tenantId("acme");
  const placement = shards.placementOf(node);
  const ports = { bus, clock, random, log: silentLog, node };
  const host = createActorHost({ ...ports, placement, actors: [tenantActor(ledger)] });
  await host.start();
  shards.move(node, 0);
  const desk = createPurseDesk({ ask: host.ask, bus, clock, ledger, nodes: () => 2 });
  const purses = createPurseLeases({ ...ports, ask: host.ask }, desk);
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      await clock.advance(10);
      await quiet();
    }
  };

  ledger.topUp(tenant, micropointsOf(100n));
  ledger.troubles.latencyMs = 200;
  const asking = Promise.resolve()
    .then(() => purses.hold(tenant, micropointsOf(100n)))
    .catch((thrown: unknown) => thrown);
  await pass(30);
  // The ledger has the grant, its answer comes to an owner that is one no longer; whoever has the shard is away.
  shards.move(other, 0);
  await pass(6_000);
  ledger.troubles.latencyMs = 0;
  await pass(4 * LEASE_SWEEP_MS);
  await asking;
  const { available, held, unsettled } = purses.purses().get(tenant) ?? {
    available: 0n,
    held: 0n,
    unsettled: 0n,
  };
  expect(BigInt(available) + BigInt(held) + BigInt(unsettled)).toBe(
    BigInt(ledger.account(tenant).purses.get(node) ?? 0n),
  );
  expect(ledger.account(tenant).purses.get(node)).toBeGreaterThan(0n);
});
