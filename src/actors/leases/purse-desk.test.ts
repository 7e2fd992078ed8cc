import { beforeEach, describe, expect, test } from "bun:test";
import { BusError } from "../../bus/bus.ts";
import { createInProcessBus } from "../../bus/in-process.ts";
import { nodeId, tenantId } from "../../core/ids.ts";
import { silentLog } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { micropointsOf } from "../../core/points.ts";
import { seededRandom } from "../../core/random.ts";
import type { Ask } from "../definition.ts";
import { IDLE_PURSE_MS, LEASE_SWEEP_MS } from "../limits.ts";
import { quiet } from "../testing/lease-world.ts";
import { lateFirstGrant, ModelLedger } from "../testing/model-ledger.ts";
import type { PurseLeases } from "./leases.ts";
import { createPurseDesk } from "./purse-desk.ts";
import { createPurseLeases } from "./purse-leases.ts";

const µ = (amount: number | bigint) => micropointsOf(BigInt(amount));
const tenant = tenantId("acme");
const [a, b] = [nodeId("a"), nodeId("b")];

let clock: ManualClock;
let ledger: ModelLedger;
let kind: "no_responders" | "timeout";
let purses: { readonly a: PurseLeases; readonly b: PurseLeases };
/** What an owner that was taken for dead has received. */
let received: { readonly id: string; readonly need: bigint }[];

beforeEach(() => {
  clock = new ManualClock();
  ledger = new ModelLedger(clock, seededRandom(1));
  const bus = createInProcessBus({ clock });
  kind = "no_responders";
  received = [];
  const ask: Ask = async (actor, _, command, wanted) => {
    if (command === "grant") received.push(wanted as unknown as { id: string; need: bigint });
    throw new BusError(kind, actor.name, "gone");
  };
  const desk = createPurseDesk({ ask, bus, clock, ledger, nodes: () => 2 });
  const open = (node: typeof a) =>
    createPurseLeases(
      { node, clock, random: seededRandom(node === a ? 2 : 3), log: silentLog, bus, ask },
      desk,
    );
  purses = { a: open(a), b: open(b) };
});

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    await clock.advance(10);
    await quiet();
  }
}

async function hold(node: "a" | "b", amount: number): Promise<bigint | string> {
  const held = Promise.resolve()
    .then(() => purses[node].hold(tenant, µ(amount)))
    .then(
      (one) => BigInt(one.settle(µ(amount)).charged),
      (thrown: { code: string }) => thrown.code,
    );
  await pass(2_000);
  return held;
}

describe("while a tenant's owner cannot be reached", () => {
  test("points come from the ledger, and go back to it", async () => {
    ledger.topUp(tenant, µ(1_000));
    expect(await hold("a", 100)).toBe(100n);
    expect(ledger.account(tenant).purses.get(a)).toBeGreaterThanOrEqual(100n);
    const drained = purses.a.drain(5_000);
    await pass(1_000);
    await drained;
    ledger.check();
    expect(ledger.account(tenant).balance).toBe(µ(900));
  });

  test("what another node does not need is called back before a denial, and a denial is one", async () => {
    ledger.topUp(tenant, µ(1_000));
    expect(await hold("a", 10)).toBe(10n);
    expect(await hold("b", 900)).toBe(900n);
    expect(await hold("b", 200)).toBe("insufficient_points");
    ledger.check();
    expect(ledger.account(tenant).purses.get(b)).toBeGreaterThanOrEqual(900n);
  });

  test("a grant that the owner makes after all is found by the next ask", async () => {
    kind = "timeout";
    expect(await hold("a", 100)).toBe("insufficient_points");
    const [late] = received;
    if (late === undefined) throw new Error("the owner was asked");
    // The owner was only paused: its call reaches the ledger now.
    ledger.topUp(tenant, µ(100));
    await ledger.grant({ id: late.id, tenant, node: a, amount: µ(100), atLeast: µ(1) });
    await pass(500);
    expect(await hold("a", 100)).toBe(100n);
    expect(received.filter(({ id }) => id === late.id).length).toBeGreaterThan(1);
    ledger.check();
    expect(ledger.account(tenant).purses.get(a)).toBe(µ(100));
  });

  test("a grant that the owner makes after all is found although nobody asks, and is there for other nodes", async () => {
    kind = "timeout";
    expect(await hold("a", 100)).toBe("insufficient_points");
    const [late] = received;
    if (late === undefined) throw new Error("the owner was asked");
    ledger.topUp(tenant, µ(100));
    await ledger.grant({ id: late.id, tenant, node: a, amount: µ(100), atLeast: µ(1) });
    await pass(4 * LEASE_SWEEP_MS);
    expect(purses.a.purses().get(tenant)?.available).toBe(µ(100));
    expect(await hold("b", 100)).toBe(100n);
    ledger.check();
  });

  test("a grant that never comes true is looked for ever more seldom", async () => {
    kind = "timeout";
    expect(await hold("a", 100)).toBe("insufficient_points");
    await pass(4 * IDLE_PURSE_MS);
    const before = received.length;
    await pass(5 * IDLE_PURSE_MS);
    expect(received.length - before).toBeLessThanOrEqual(6);
    expect(received.length).toBeGreaterThan(before);
  });

  test("a try of which the ledger hears after it has refused a later one is found, too", async () => {
    ledger.topUp(tenant, µ(100));
    const late = lateFirstGrant(ledger, nodeId("c"));
    expect(await hold("a", 100)).toBe("insufficient_points");
    ledger.topUp(tenant, µ(100));
    await late();
    expect(ledger.account(tenant).purses.get(a)).toBe(µ(100));
    await pass(4 * LEASE_SWEEP_MS);
    expect(purses.a.purses().get(tenant)?.available).toBe(µ(100));
  });
});
