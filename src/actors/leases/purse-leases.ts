import type { Subscription } from "../../bus/bus.ts";
import type { Cancel } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { TenantId } from "../../core/ids.ts";
import { type Micropoints, micropointsOf, ZERO } from "../../core/points.ts";
import { IDLE_PURSE_MS, LEASE_SWEEP_MS, MAX_LEASES } from "../limits.ts";
import { ANY_TENANT_CHANGED, ANY_TENANT_RECALL, type TenantChanged, type TenantRecall } from "../subjects.ts";
import type { PurseHold, PurseLeases, PurseView } from "./leases.ts";
import type { LeasePorts } from "./ports.ts";
import { ownersDesk, type PurseDesk } from "./purse-desk.ts";
import { PurseLease } from "./purse-lease.ts";

/**
 * The purses of this node, one for each tenant that it serves.
 *
 * @example
 * const purses = createPurseLeases({ node, clock, random, log, bus, ask: host.ask, counter });
 * const hold = purses.hold(tenant, amount);            // PurseHold, or a Promise of one
 * const { charged, loss } = hold.settle(cost);         // or hold.release()
 * purses.booked(tenant, charged);                      // when the ledger has committed it
 * await purses.drain(5_000);                           // before the host stops
 */
export const createPurseLeases = (ports: LeasePorts, desk = ownersDesk(ports.ask)): PurseLeases =>
  new NodePurses(ports, desk);

class NodePurses implements PurseLeases {
  readonly #leases = new Map<TenantId, PurseLease>();
  readonly #subscriptions: Subscription[];
  readonly #cancelSweep: Cancel;
  #isDraining = false;

  constructor(
    readonly ports: LeasePorts,
    readonly desk: PurseDesk,
  ) {
    const { bus, clock } = ports;
    this.#cancelSweep = clock.every(LEASE_SWEEP_MS, () => this.#sweep());
    this.#subscriptions = [
      // What travels on these subjects is written by tenant actors only.
      bus.subscribe(ANY_TENANT_CHANGED, (told) => this.#find(told as TenantChanged)?.line.forgetDenial()),
      bus.subscribe(ANY_TENANT_RECALL, (told) => {
        const { recall } = told as TenantRecall;
        this.#find(told as TenantRecall)?.answerRecall(recall);
      }),
    ];
  }

  hold(
    tenant: TenantId,
    amount: Micropoints,
    atLeast: Micropoints = amount,
    now = this.ports.clock.monotonic(),
  ): PurseHold | Promise<PurseHold> {
    const lease = this.#leases.get(tenant) ?? this.#open(tenant);
    lease.usedAt = now;
    const held = lease.line.take(amount, atLeast, now);
    if (typeof held === "bigint") {
      this.ports.counter?.lease("purse", "hit");
      return new Hold(lease, micropointsOf(held));
    }
    this.ports.counter?.lease("purse", "miss");
    return holdLater(lease, held);
  }

  booked(tenant: TenantId, amount: Micropoints): void {
    this.#leases.get(tenant)?.booked(amount);
  }

  purses(): ReadonlyMap<TenantId, PurseView> {
    const views = new Map<TenantId, PurseView>();
    for (const [tenant, { purse }] of this.#leases) {
      const { available, held, unsettled } = purse;
      views.set(tenant, { available, held, unsettled });
    }
    return views;
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    this.#cancelSweep();
    for (const subscription of this.#subscriptions) subscription.close();
    const leases = [...this.#leases.values()];
    for (const { line } of leases) line.stop();
    const { promise: deadline, resolve } = Promise.withResolvers<void>();
    const cancel = this.ports.clock.after(deadlineMs, resolve);
    await Promise.race([deadline, Promise.all(leases.map((lease) => lease.drain()))]);
    cancel();
    for (const lease of leases) lease.abandon();
  }

  #find({ tenant }: TenantChanged): PurseLease | undefined {
    return this.#leases.get(tenant);
  }

  #open(tenant: TenantId): PurseLease {
    if (this.#isDraining || this.#leases.size >= MAX_LEASES) {
      throw new SluiceError("overloaded", "This node takes no more tenants at the moment.", {
        retryAfterMs: 1_000,
      });
    }
    const lease = new PurseLease(this.ports, this.desk, tenant);
    this.#leases.set(tenant, lease);
    return lease;
  }

  #sweep(): void {
    const now = this.ports.clock.monotonic();
    for (const [tenant, lease] of this.#leases) {
      if (lease.isUnsure) {
        lease.lookForUnsure(now);
        continue;
      }
      if (now - lease.usedAt < IDLE_PURSE_MS || !lease.isIdle) continue;
      if (lease.purse.available === ZERO) this.#leases.delete(tenant);
      else lease.giveBack(lease.purse.available);
    }
  }
}

async function holdLater(lease: PurseLease, holding: Promise<bigint>): Promise<PurseHold> {
  return new Hold(lease, micropointsOf(await holding));
}

class Hold implements PurseHold {
  #isOver = false;

  constructor(
    readonly lease: PurseLease,
    readonly amount: Micropoints,
  ) {}

  settle(
    cost: Micropoints,
    now = this.lease.ports.clock.monotonic(),
  ): { readonly charged: Micropoints; readonly loss: Micropoints } {
    this.#end();
    return this.lease.settle(this.amount, cost, now);
  }

  release(): void {
    this.#end();
    this.lease.release(this.amount);
  }

  refund(charged: Micropoints): void {
    this.lease.refund(charged);
  }

  #end(): void {
    if (this.#isOver) throw new Error("a hold was ended twice");
    this.#isOver = true;
  }
}
