import type {
  BudgetLeases,
  PurseLeases,
  RateDenied,
  RateLeases,
  RateTaken,
} from "../actors/leases/leases.ts";
import type { RateLimit } from "../core/algorithms.ts";
import type { Tier } from "../core/catalog.ts";
import { type LimitState, SluiceError } from "../core/errors.ts";
import { type Micropoints, ZERO } from "../core/points.ts";
import type { AdmissionPorts, Admitted } from "./admission.ts";
import type { Hold } from "./charge.ts";
import type { Caller } from "./gateway.ts";

export interface LeasePorts {
  readonly purses: PurseLeases;
  readonly budgets: BudgetLeases;
  readonly rates: RateLeases;
  /** The limits of this moment, by tier. */
  tierLimit(tier: Tier): RateLimit | undefined;
}

/** Admission out of this node's leases. */
export function createLeasedAdmission(ports: LeasePorts): AdmissionPorts {
  return {
    takeRates: (caller) => takeRates(ports, caller),
    hold: (caller, amount) => hold(ports, caller, amount),
  };
}

const UNLIMITED: Admitted = { limit: undefined, release: () => {} };

function takeRates(ports: LeasePorts, caller: Caller): Admitted | Promise<Admitted> {
  const tier = ports.tierLimit(caller.tier);
  const { tenant, key, limits } = caller;
  if (tier === undefined) return limits === null ? UNLIMITED : takeKeyRate(ports, caller, undefined);
  const taken = ports.rates.take({ kind: "tenant", tenant }, tier);
  if (taken instanceof Promise)
    return taken.then((result) => withKeyRate(ports, caller, accepted(result, key)));
  return withKeyRate(ports, caller, accepted(taken, key));
}

function withKeyRate(ports: LeasePorts, caller: Caller, tenant: RateTaken): Admitted | Promise<Admitted> {
  if (caller.limits === null) return { limit: tenant.state, release: () => tenant.release() };
  return takeKeyRate(ports, caller, tenant);
}

function takeKeyRate(
  ports: LeasePorts,
  caller: Caller,
  tenant: RateTaken | undefined,
): Admitted | Promise<Admitted> {
  const scope = { kind: "key", tenant: caller.tenant, key: caller.key } as const;
  const taken = ports.rates.take(scope, caller.limits ?? {});
  if (taken instanceof Promise) return taken.then((result) => bothRates(caller, tenant, result));
  return bothRates(caller, tenant, taken);
}

function bothRates(caller: Caller, tenant: RateTaken | undefined, key: RateTaken | RateDenied): Admitted {
  if (!key.ok) tenant?.undo();
  const taken = accepted(key, caller.key);
  return {
    limit: tighter(tenant?.state, taken.state),
    release() {
      tenant?.release();
      taken.release();
    },
  };
}

/** Which of two limits a client should be told of: the one with less left. */
function tighter(a: LimitState | undefined, b: LimitState | undefined): LimitState | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.remaining <= b.remaining ? a : b;
}

function accepted(result: RateTaken | RateDenied, key: string): RateTaken {
  if (result.ok) return result;
  const { state, retryAfterMs } = result;
  throw new SluiceError(
    "rate_limit_exceeded",
    `Rate limit of ${state.limit} reached for the ${state.name} (key ${key}). Try again in ${retryAfterMs} ms.`,
    { retryAfterMs, limit: state },
  );
}

/** A request that cannot cost anything holds nothing and asks nobody. */
const FREE: Hold = {
  amount: ZERO,
  settle: (cost) => ({ charged: ZERO, loss: cost }),
  release: () => {},
  refund: () => {},
};

function hold(ports: LeasePorts, caller: Caller, amount: Micropoints): Hold | Promise<Hold> {
  if (amount === ZERO) return FREE;
  const purse = ports.purses.hold(caller.tenant, amount);
  if (caller.budget === null) return purse;
  if (purse instanceof Promise) return purse.then((held) => withBudget(ports, caller, held));
  return withBudget(ports, caller, purse);
}

function withBudget(ports: LeasePorts, caller: Caller, purse: Hold): Hold | Promise<Hold> {
  if (caller.budget === null) return purse;
  const join = (budget: { settle(cost: Micropoints): void; release(): void }): Hold => ({
    amount: purse.amount,
    settle(cost) {
      const taken = purse.settle(cost);
      budget.settle(taken.charged);
      return taken;
    },
    release() {
      budget.release();
      purse.release();
    },
    // The budget keeps what it has counted until its next slice.
    refund: (charged) => purse.refund(charged),
  });
  const giveBack = (thrown: unknown): never => {
    purse.release();
    throw thrown;
  };
  try {
    const budget = ports.budgets.hold(caller, caller.budget, purse.amount);
    return budget instanceof Promise ? budget.then(join, giveBack) : join(budget);
  } catch (thrown) {
    return giveBack(thrown);
  }
}
