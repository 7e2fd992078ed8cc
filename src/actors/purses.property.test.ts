import { expect, test } from "bun:test";
import { type TenantId, tenantId } from "../core/ids.ts";
import { type Micropoints, micropointsOf, ZERO } from "../core/points.ts";
import { type Random, seededRandom } from "../core/random.ts";
import type { PurseHold, PurseLeases } from "./leases/leases.ts";
import { createPurseLeases } from "./leases/purse-leases.ts";
import { tenantActor } from "./tenant.ts";
import { TENANT } from "./tenant-protocol.ts";
import { createLeaseWorld, type LeaseWorld, quiet } from "./testing/lease-world.ts";
import { ModelLedger } from "./testing/model-ledger.ts";

const µ = (amount: number | bigint) => micropointsOf(BigInt(amount));

interface Node {
  readonly name: string;
  readonly purses: PurseLeases;
  readonly running: { readonly tenant: TenantId; readonly hold: PurseHold }[];
  readonly charged: Map<TenantId, Micropoints>;
  readonly unbooked: { readonly tenant: TenantId; readonly amount: Micropoints }[];
}

/** Nodes that spend small balances over connections that break everywhere. */
class Chaos {
  readonly tenants = [tenantId("rich"), tenantId("poor"), tenantId("broke")];
  readonly nodes: Node[] = [];
  denied = 0;
  served = 0;

  constructor(
    readonly world: LeaseWorld,
    readonly ledger: ModelLedger,
    readonly random: Random,
  ) {
    for (const name of ["a", "b", "c"]) {
      const purses = createPurseLeases(world.ports(name));
      this.nodes.push({ name, purses, running: [], charged: new Map(), unbooked: [] });
    }
    ledger.topUp(tenantId("rich"), µ(50_000));
    ledger.topUp(tenantId("poor"), µ(2_000));
  }

  step(): void {
    const node = this.#pick(this.nodes);
    const dice = this.random.next();
    if (dice < 0.5) this.#request(node);
    else if (dice < 0.85) this.#end(node);
    else if (dice < 0.97) this.#book(node);
    else if (dice < 0.98) this.ledger.topUp(this.#pick(this.tenants), µ(500));
    this.ledger.check();
    this.#checkNodes();
  }

  /** The owner loses everything it had in memory, also what it was about to answer. */
  crashOwner(): void {
    const nonsense = null as never;
    this.world.host.ask(TENANT, this.#pick(this.tenants), "share", nonsense).catch(() => {});
  }

  endAll(): void {
    for (const node of this.nodes) {
      while (node.running.length > 0) this.#end(node);
      while (node.unbooked.length > 0) this.#book(node);
    }
  }

  #request(node: Node): void {
    const tenant = this.#pick(this.tenants);
    const amount = µ(1 + Math.floor(this.random.next() * 300));
    const atLeast = this.random.next() < 0.3 ? µ(1) : amount;
    const kept = (hold: PurseHold): void => {
      if (hold.amount < atLeast || hold.amount > amount) throw new Error("held what was not asked for");
      this.served += 1;
      node.running.push({ tenant, hold });
    };
    const denied = (): void => {
      this.denied += 1;
    };
    try {
      const hold = node.purses.hold(tenant, amount, atLeast);
      if (hold instanceof Promise) hold.then(kept, denied);
      else kept(hold);
    } catch {
      denied();
    }
  }

  #end(node: Node): void {
    const index = Math.floor(this.random.next() * node.running.length);
    const [ended] = node.running.splice(index, 1);
    if (ended === undefined) return;
    const { tenant, hold } = ended;
    if (this.random.next() < 0.2) {
      hold.release();
      return;
    }
    const cost = µ(Math.floor(this.random.next() * 1.1 * Number(hold.amount)));
    const { charged, loss } = hold.settle(cost);
    if (charged + loss !== cost) throw new Error("a cost was lost");
    node.charged.set(tenant, µ((node.charged.get(tenant) ?? 0n) + charged));
    node.unbooked.push({ tenant, amount: charged });
  }

  #book(node: Node): void {
    const charge = node.unbooked.shift();
    if (charge === undefined) return;
    this.ledger.book(charge.tenant, this.world.ports(node.name).node, charge.amount);
    node.purses.booked(charge.tenant, charge.amount);
  }

  /** No node believes to have more than the ledger put into its purse. */
  #checkNodes(): void {
    for (const node of this.nodes) {
      for (const [tenant, { available, held, unsettled }] of node.purses.purses()) {
        const purse = this.ledger.account(tenant).purses.get(this.world.ports(node.name).node) ?? ZERO;
        if (available + held + unsettled > purse)
          throw new Error(`${node.name} spends what it does not have`);
      }
    }
  }

  #pick<T>(list: readonly T[]): T {
    const picked = list[Math.floor(this.random.next() * list.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }
}

test.each(Array.from({ length: 25 }, (_, seed) => seed))(
  "no point is lost, doubled or overspent while everything breaks (seed %p)",
  async (seed) => {
    let ledger: ModelLedger | undefined;
    const world = await createLeaseWorld(({ clock, random }) => {
      ledger = new ModelLedger(clock, random);
      return [tenantActor(ledger)];
    }, seed);
    if (ledger === undefined) throw new Error("no ledger");
    const chaos = new Chaos(world, ledger, seededRandom(seed + 1_000));
    ledger.troubles.latencyMs = seed % 3 === 0 ? 0 : 20;
    for (let step = 0; step < 1_500; step += 1) {
      const isBad = step > 300 && step < 1_200;
      ledger.troubles.before = isBad ? 0.15 : 0;
      ledger.troubles.after = isBad ? 0.15 : 0;
      world.losses.there = isBad ? 0.1 : 0;
      world.losses.back = isBad ? 0.1 : 0;
      if (step % 400 === 399) chaos.crashOwner();
      if (step === 700) ledger.troubles.before = 1;
      chaos.step();
      if (world.random.next() < 0.3) await world.pass(world.random.next() * 40, 10);
      else await quiet();
    }
    await world.pass(15_000, 50);
    chaos.endAll();
    const drained = Promise.all(chaos.nodes.map(({ purses }) => purses.drain(20_000)));
    await world.pass(20_000, 50);
    await drained;
    ledger.check();
    expect(chaos.served).toBeGreaterThan(100);
    expect(chaos.denied).toBeGreaterThan(10);
    for (const tenant of chaos.tenants) {
      const { balance, toppedUp, purses } = ledger.account(tenant);
      const charged = chaos.nodes.reduce((sum, node) => sum + (node.charged.get(tenant) ?? 0n), 0n);
      expect([...purses.values()].filter((amount) => amount !== ZERO)).toEqual([]);
      expect(balance).toBe(µ(toppedUp - charged));
    }
    expect(world.errors.filter((message) => message !== "an actor restarts")).toEqual([]);
  },
  30_000,
);
