import { beforeEach, describe, expect, test } from "bun:test";
import { BusError } from "../bus/bus.ts";
import { keyId, tenantId } from "../core/ids.ts";
import type { KeyBudget } from "../core/key-limits.ts";
import { micropointsOf } from "../core/points.ts";
import { createBudgetLeases } from "./leases/budget-leases.ts";
import type { Capacity, RateDenied, RateLeases, RateScope, RateTaken } from "./leases/leases.ts";
import type { LeasePorts } from "./leases/ports.ts";
import { createRateLeases } from "./leases/rate-leases.ts";
import { LEASE_MS } from "./limits.ts";
import { tenantActor } from "./tenant.ts";
import { failureOf } from "./testing/counter-world.ts";
import { createLeaseWorld, type LeaseWorld } from "./testing/lease-world.ts";
import { ModelLedger } from "./testing/model-ledger.ts";

const tenant = tenantId("acme");
const acme: RateScope = { kind: "tenant", tenant };
const limit: Capacity = { qps: 30, burst: 30 };

let world: LeaseWorld;
let isOwnerGone: boolean;

beforeEach(async () => {
  isOwnerGone = false;
  world = await createLeaseWorld(({ clock, random }) => [tenantActor(new ModelLedger(clock, random))]);
});

/** A node of a cluster of three, whose owners a test can take away. */
function portsOf(name: string): LeasePorts {
  const ports = world.ports(name);
  return {
    ...ports,
    nodes: () => 3,
    ask: async (...asked) => {
      if (isOwnerGone) throw new BusError("no_responders", asked[0].name, "gone");
      return ports.ask(...asked);
    },
  };
}

/** How many requests a node lets in during so many seconds, trying a hundred a second. */
async function admittedIn(seconds: number, rates: RateLeases): Promise<number> {
  let sum = 0;
  const count = (taken: RateTaken | RateDenied): void => {
    if (!taken.ok) return;
    sum += 1;
    taken.release();
  };
  for (let ms = 0; ms < seconds * 1_000; ms += 10) {
    const taken = rates.take(acme, limit);
    if (taken instanceof Promise) taken.then(count, () => {});
    else count(taken);
    await world.pass(10);
  }
  return sum;
}

describe("while the owner of a limit cannot be reached", () => {
  test("a node goes on with its part, however long it takes", async () => {
    const rates = createRateLeases(portsOf("n1"));
    await admittedIn(2, rates);
    isOwnerGone = true;
    const seconds = (3 * LEASE_MS) / 1_000;
    expect(await admittedIn(seconds, rates)).toBeWithin(30 * seconds - 40, 30 * seconds + 40);
  });

  test("a node without a part takes an equal one, and gives way when the owner is there again", async () => {
    isOwnerGone = true;
    const [first, second] = ["n1", "n2"].map((name) => createRateLeases(portsOf(name)));
    if (first === undefined || second === undefined) throw new Error("two were made");
    expect(await admittedIn(10, first)).toBeWithin(80, 115);
    expect(await admittedIn(10, second)).toBeWithin(80, 115);
    isOwnerGone = false;
    await Promise.all([admittedIn(10, first), admittedIn(10, second)]);
    const sums = await Promise.all([admittedIn(20, first), admittedIn(20, second)]);
    expect(sums[0] + sums[1]).toBeWithin(30 * 40 - 30, 30 * 40 + 40);
  });

  test("a slice of a budget is used up, and nothing beyond it", async () => {
    const budgets = createBudgetLeases(portsOf("n1"));
    const subject = { tenant, key: keyId("k") };
    const budget: KeyBudget = { points: micropointsOf(1_000n), period: "day" };
    const hold = () => world.decided(budgets.hold(subject, budget, micropointsOf(10n)));
    (await hold()).settle(micropointsOf(10n));
    isOwnerGone = true;
    for (let ms = 0; ms < 2 * LEASE_MS; ms += 5_000) {
      await world.pass(5_000, 100);
      (await hold()).settle(micropointsOf(10n));
    }
    let held = 0;
    let refused: unknown;
    for (; held < 100 && refused === undefined; held += 1) {
      const one = await hold().catch((thrown: unknown) => {
        refused = thrown;
        return undefined;
      });
      one?.settle(micropointsOf(10n));
    }
    expect(held).toBeWithin(2, 92);
    expect(await failureOf(Promise.reject(refused))).toMatchObject({ code: "overloaded" });
  });
});
