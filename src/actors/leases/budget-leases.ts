import { SluiceError } from "../../core/errors.ts";
import type { KeyBudget } from "../../core/key-limits.ts";
import { formatPoints, type Micropoints, micropointsOf, ZERO } from "../../core/points.ts";
import { pathBudget, TENANT } from "../tenant-protocol.ts";
import type { BudgetHold, BudgetLeases, BudgetSubject } from "./leases.ts";
import type { LeasePorts } from "./ports.ts";
import type { SliceLease, SliceSubject } from "./slice-lease.ts";
import { SliceLeases } from "./slice-leases.ts";

/**
 * This node's slices of key budgets.
 *
 * @example
 * const budgets = createBudgetLeases({ node, clock, random, log, bus, ask: host.ask, counter });
 * const hold = budgets.hold({ tenant, key }, { points, period: "day" }, amount);  // or a Promise
 * hold.settle(cost);                                   // or hold.release()
 * await budgets.drain(2_000);                          // before the host stops
 */
export const createBudgetLeases = (ports: LeasePorts): BudgetLeases => new NodeBudgets(ports);

class NodeBudgets implements BudgetLeases {
  readonly #slices: SliceLeases<BudgetSubject, KeyBudget>;

  constructor(readonly ports: LeasePorts) {
    this.#slices = new SliceLeases(ports, sliceOf);
  }

  hold(
    subject: BudgetSubject,
    budget: KeyBudget,
    amount: Micropoints,
    atLeast: Micropoints = amount,
    now = this.ports.clock.monotonic(),
  ): BudgetHold | Promise<BudgetHold> {
    const lease = this.#slices.lease(idOf(subject), subject, budget, now);
    const held = lease.line.take(amount, atLeast, now);
    const isHit = typeof held === "bigint";
    this.ports.counter?.lease("budget", isHit ? "hit" : "miss");
    return isHit ? new Hold(lease, held) : holdLater(lease, held);
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#slices.drain(deadlineMs);
  }
}

async function holdLater(lease: SliceLease, holding: Promise<bigint>): Promise<BudgetHold> {
  return new Hold(lease, await holding);
}

class Hold implements BudgetHold {
  readonly amount: Micropoints;
  readonly #period: number;
  #isOver = false;

  constructor(
    readonly lease: SliceLease,
    held: bigint,
  ) {
    this.amount = micropointsOf(held);
    this.#period = lease.period;
  }

  settle(cost: Micropoints, now = this.lease.ports.clock.monotonic()): void {
    if (this.#isOver) throw new Error("a budget hold was ended twice");
    this.#isOver = true;
    this.lease.settle(this.#period, this.amount, cost, now);
  }

  release(): void {
    this.settle(ZERO);
  }
}

const idOf = (subject: BudgetSubject): string => ("key" in subject ? subject.key : subject.id);

const sliceOf = (subject: BudgetSubject, { points, period }: KeyBudget): SliceSubject => ({
  owner: { kind: TENANT, key: subject.tenant },
  subject: "key" in subject ? subject.key : pathBudget(subject.path),
  whole: points,
  period,
  denial(affordable) {
    const whose = "key" in subject ? "this key" : subject.path;
    const state = affordable > 0n ? "does not cover this request" : "is used up";
    return new SluiceError(
      "budget_exceeded",
      `The budget of ${whose} (${formatPoints(points)} points, ${period}) ${state}.`,
      { affordable: formatPoints(micropointsOf(affordable)) },
    );
  },
});
