import { expect, test } from "bun:test";
import { keyId, tenantId } from "../core/ids.ts";
import type { KeyBudget } from "../core/key-limits.ts";
import { type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import { seededRandom } from "../core/random.ts";
import { createBudgetLeases } from "./leases/budget-leases.ts";
import type { BudgetHold, BudgetLeases } from "./leases/leases.ts";
import { tenantActor } from "./tenant.ts";
import { TENANT } from "./tenant-protocol.ts";
import { createLeaseWorld, type LeaseWorld, quiet } from "./testing/lease-world.ts";
import { ModelLedger } from "./testing/model-ledger.ts";

const µ = (amount: number | bigint) => micropointsOf(BigInt(amount));
const subject = { tenant: tenantId("acme"), key: keyId("k1") };
const budget: KeyBudget = { points: µ(3_000), period: "total" };

/** What all nodes together spent or may still spend of the budget. */
class Spending {
  held: Micropoints = ZERO;
  spent: Micropoints = ZERO;
  served = 0;
  refused = 0;
  readonly running: BudgetHold[] = [];

  constructor(
    readonly world: LeaseWorld,
    readonly ledger: ModelLedger,
  ) {}

  request(leases: BudgetLeases, amount: Micropoints): void {
    const kept = (hold: BudgetHold): void => {
      this.running.push(hold);
      this.held = µ(this.held + hold.amount);
      this.served += 1;
      if (this.held + this.spent > budget.points) throw new Error("more is out than the budget has");
    };
    const refused = (): void => {
      this.refused += 1;
    };
    try {
      const hold = leases.hold(subject, budget, amount);
      if (hold instanceof Promise) hold.then(kept, refused);
      else kept(hold);
    } catch {
      refused();
    }
  }

  end(share: number): void {
    const hold = this.running.shift();
    if (hold === undefined) return;
    const cost = µ(Math.floor(Number(hold.amount) * share));
    hold.settle(cost);
    this.held = µ(this.held - hold.amount);
    this.spent = µ(this.spent + cost);
    this.ledger.spent.set(subject.key, this.spent);
  }
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))(
  "slices never add up to more than the budget, and nearly all of it can be used (seed %p)",
  async (seed) => {
    let ledger: ModelLedger | undefined;
    const world = await createLeaseWorld(({ clock, random }) => {
      ledger = new ModelLedger(clock, random);
      return [tenantActor(ledger)];
    }, seed);
    if (ledger === undefined) throw new Error("no ledger");
    const random = seededRandom(seed + 99);
    const spending = new Spending(world, ledger);
    const nodes = ["a", "b", "c"].map((name) => createBudgetLeases(world.ports(name)));
    for (let step = 0; step < 500; step += 1) {
      const isBad = step > 100 && step < 250;
      world.losses.there = isBad ? 0.2 : 0;
      world.losses.back = isBad ? 0.2 : 0;
      if (step === 60 + (seed % 100)) world.host.ask(TENANT, "acme", "share", null as never).catch(() => {});
      const node = nodes[Math.floor(random.next() * nodes.length)];
      if (node !== undefined) spending.request(node, µ(1 + Math.floor(random.next() * 100)));
      if (random.next() < 0.8) spending.end(random.next() * random.next());
      if (random.next() < 0.3) await world.pass(random.next() * 60, 20);
      else await quiet();
    }
    while (spending.running.length > 0) spending.end(1);
    expect(spending.served).toBeGreaterThan(30);
    expect(spending.spent).toBeLessThanOrEqual(budget.points);
    await world.pass(40_000, 100);
    // Everything is given back by now: what is left can be had in one piece.
    const rest = µ(budget.points - spending.spent);
    if (rest > 0n) {
      const [node] = nodes;
      const last = node?.hold(subject, budget, rest);
      await world.pass(5_000, 50);
      expect((await last)?.amount).toBe(rest);
    }
  },
  30_000,
);
