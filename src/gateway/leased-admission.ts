import type { BudgetHold, BudgetLeases, PurseLeases } from "../actors/leases/leases.ts";
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
  if (budget !== null) held = and(held, (purse) => ports.budgets.hold(caller, budget, purse.amount));
  const cost = path === undefined ? undefined : ports.limits?.()?.api.get(path)?.cost;
  if (path !== undefined && cost !== undefined) {
    held = and(held, (before) => ports.budgets.hold({ tenant, path }, cost, before.amount));
  }
  return held;
}

/** Both, or none of them. */
function and(
  first: Hold | Promise<Hold>,
  take: (first: Hold) => BudgetHold | Promise<BudgetHold>,
): Hold | Promise<Hold> {
  return first instanceof Promise ? first.then((held) => joined(held, take)) : joined(first, take);
}

function joined(first: Hold, take: (first: Hold) => BudgetHold | Promise<BudgetHold>): Hold | Promise<Hold> {
  const giveBack = (thrown: unknown): never => {
    first.release();
    throw thrown;
  };
  try {
    const budget = take(first);
    return budget instanceof Promise
      ? budget.then((held) => withBudget(first, held), giveBack)
      : withBudget(first, budget);
  } catch (thrown) {
    return giveBack(thrown);
  }
}

const withBudget = (first: Hold, budget: BudgetHold): Hold => ({
  amount: first.amount,
  settle(cost) {
    const taken = first.settle(cost);
    budget.settle(taken.charged);
    return taken;
  },
  release() {
    budget.release();
    first.release();
  },
  // The budget keeps what it has counted until its next slice.
  refund: (charged) => first.refund(charged),
});
