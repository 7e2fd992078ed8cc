import { beforeEach, describe, expect, test } from "bun:test";
import type { Bus } from "../bus/bus.ts";
import { createInProcessBus } from "../bus/in-process.ts";
import { nodeId, tenantId } from "../core/ids.ts";
import { silentLog } from "../core/log.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { micropointsOf, ZERO } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import { type ActorHost, createActorHost } from "./host.ts";
import type { RateScope } from "./leases/leases.ts";
import { createPurseLeases } from "./leases/purse-leases.ts";
import { createRateLeases } from "./leases/rate-leases.ts";
import { LEASE_MS } from "./limits.ts";
import { tenantActor } from "./tenant.ts";
import { TENANT } from "./tenant-protocol.ts";
import { quiet } from "./testing/lease-world.ts";
import { ModelLedger } from "./testing/model-ledger.ts";
import { MovableShards } from "./testing/movable-placement.ts";

const µ = (amount: number | bigint) => micropointsOf(BigInt(amount));
const tenant = tenantId("acme");
const [a, b] = [nodeId("a"), nodeId("b")];

let clock: ManualClock;
let bus: Bus;
let ledger: ModelLedger;
let shards: MovableShards;
let hosts: { readonly a: ActorHost; readonly b: ActorHost };

beforeEach(async () => {
  clock = new ManualClock();
  bus = createInProcessBus({ clock });
  ledger = new ModelLedger(clock, seededRandom(4));
  shards = new MovableShards();
  const open = (node: typeof a) =>
    createActorHost({ ...ports(), node, placement: shards.placementOf(node), actors: [tenantActor(ledger)] });
  hosts = { a: open(a), b: open(b) };
  await hosts.a.start();
  await hosts.b.start();
  shards.move(a, 0);
});

const ports = () => ({ bus, clock, random: seededRandom(9), log: silentLog });

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    await clock.advance(10);
    await quiet();
  }
}

describe("an actor that moves to another node", () => {
  test("goes on there with what the ledger has, asked in the same way", async () => {
    ledger.topUp(tenant, µ(500));
    expect(await hosts.b.ask(TENANT, tenant, "state", null)).toMatchObject({ available: 500n });
    expect([hosts.a.snapshot().total, hosts.b.snapshot().total]).toEqual([1, 0]);
    shards.move(b, 0);
    expect(await hosts.b.ask(TENANT, tenant, "state", null)).toMatchObject({ available: 500n });
    expect([hosts.a.snapshot().total, hosts.b.snapshot().total]).toEqual([0, 1]);
  });

  test("loses and doubles no point, however often it moves while points are granted", async () => {
    ledger.topUp(tenant, µ(100_000));
    ledger.troubles.latencyMs = 60;
    const purses = createPurseLeases({ ...ports(), node: a, ask: hosts.a.ask });
    let charged = 0n;
    let failed = 0;
    for (let round = 0; round < 300; round += 1) {
      Promise.resolve()
        .then(() => purses.hold(tenant, µ(200)))
        .then(
          (hold) => {
            charged += hold.settle(µ(150)).charged;
          },
          () => {
            failed += 1;
          },
        );
      // Sometimes the former owner does not know: its answers count for nothing.
      if (round % 10 === 0) shards.move(round % 20 === 0 ? b : a, 0, round % 30 === 0);
      await pass(20);
    }
    await pass(10_000);
    expect(charged).toBeGreaterThan(30_000n);
    const drained = purses.drain(10_000);
    await pass(10_000);
    await drained;
    ledger.check();
    expect(ledger.account(tenant).purses.get(a) ?? ZERO).toBe(µ(charged));
    expect(ledger.account(tenant).balance).toBe(µ(100_000n - charged));
    expect(failed).toBeLessThan(300);
  });

  test("lets nodes keep their part of a rate, and gives none out twice", async () => {
    const scope: RateScope = { kind: "tenant", tenant };
    const limit = { qps: 10, burst: 20 };
    const first = createRateLeases({ ...ports(), node: a, ask: hosts.a.ask });
    const second = createRateLeases({ ...ports(), node: b, ask: hosts.b.ask });
    const opened = await first.take(scope, limit);
    expect(opened.ok).toBe(true);
    shards.move(b, clock.monotonic() + LEASE_MS);
    let admitted = 1;
    for (let ms = 0; ms < 9_000; ms += 10) {
      for (const rates of [first, second]) {
        const taken = rates.take(scope, limit);
        if (taken instanceof Promise) {
          taken.then(
            (late) => {
              if (late.ok) admitted += 1;
            },
            () => {},
          );
        } else if (taken.ok) admitted += 1;
      }
      await pass(10);
    }
    expect(admitted).toBeLessThanOrEqual(20 + 10 * 9 + 1);
    expect(admitted).toBeGreaterThan(85);
  });
});
