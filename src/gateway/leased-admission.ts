import type { BudgetHold, BudgetLeases, BudgetSubject, PurseLeases } from "../actors/leases/leases.ts";
import type { KeyBudget } from "../core/key-limits.ts";
import { type Micropoints, ZERO } from "../core/points.ts";
import type { AdmissionPorts } from "./admission.ts";
import type { Hold } from "./charge.ts";
import type { Caller } from "./gateway.ts";
import { type RatePorts, takeRates } from "./rate-levels.ts";

export interface LeasePorts extends RatePorts {
  readonly purses: PurseLeases;
  readonly budgets: BudgetLeases;
}

/** Admission out of this node's leases. */
export function createLeasedAdmission(ports: LeasePorts): AdmissionPorts {
  return {
    takeRates: (asked) => takeRates(ports, asked),
    hold: (caller, amount, path) => hold(ports, caller, amount, path),
  };
}

/** A request that cannot cost anything holds nothing and asks nobody. */
const FREE: Hold = {
  amount: ZERO,
  settle: (cost) => ({ charged: ZERO, loss: cost }),
  release: () => {},
  refund: () => {},
};

/** Out of the purse, then out of the key's budget, then out of the path's. */
function hold(
  ports: LeasePorts,
  caller: Caller,
  amount: Micropoints,
  path: string | undefined,
): Hold | Promise<Hold> {
  if (amount === ZERO) return FREE;
  const { budget, tenant } = caller;
  let held: Hold | Promise<Hold> = ports.purses.hold(tenant, amount);
  if (budget !== null) held = and(held, ports.budgets, caller, budget);
  const cost = path === undefined ? undefined : ports.limits?.()?.api.get(path)?.cost;
  if (path !== undefined && cost !== undefined) {
    held = and(held, ports.budgets, { tenant, path }, cost);
  }
  return held;
}

/** Both, or none of them. */
function and(
  first: Hold | Promise<Hold>,
  budgets: BudgetLeases,
  subject: BudgetSubject,
  budget: KeyBudget,
): Hold | Promise<Hold> {
  return first instanceof Promise
    ? first.then((held) => joined(held, budgets, subject, budget))
    : joined(first, budgets, subject, budget);
}

function joined(
  first: Hold,
  budgets: BudgetLeases,
  subject: BudgetSubject,
  budget: KeyBudget,
): Hold | Promise<Hold> {
  let taking: BudgetHold | Promise<BudgetHold>;
  try {
    taking = budgets.hold(subject, budget, first.amount);
  } catch (thrown) {
    return giveBack(first, thrown);
  }
  if (!(taking instanceof Promise)) return withBudget(first, taking);
  return taking.then(
    (held) => withBudget(first, held),
    (thrown: unknown) => giveBack(first, thrown),
  );
}

function giveBack(first: Hold, thrown: unknown): never {
  first.release();
  throw thrown;
}

const withBudget = (first: Hold, budget: BudgetHold): Hold => new BudgetedHold(first, budget);

class BudgetedHold implements Hold {
  constructor(
    readonly first: Hold,
    readonly budget: BudgetHold,
  ) {}

  get amount(): Micropoints {
    return this.first.amount;
  }

  settle(cost: Micropoints): ReturnType<Hold["settle"]> {
    const taken = this.first.settle(cost);
    this.budget.settle(taken.charged);
    return taken;
  }

  release(): void {
    this.budget.release();
    this.first.release();
  }

  /** The budget keeps what it has counted until its next slice. */
  refund(charged: Micropoints): void {
    this.first.refund(charged);
  }
}
