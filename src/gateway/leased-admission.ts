import type {
  BudgetHold,
  BudgetLeases,
  BudgetSubject,
  PurseHold,
  PurseLeases,
} from "../actors/leases/leases.ts";
import type { TenantPath } from "../actors/leases/tenant-path.ts";
import type { KeyBudget } from "../core/key-limits.ts";
import { type Micropoints, ZERO } from "../core/points.ts";
import type { AdmissionPorts } from "./admission.ts";
import type { Hold } from "./charge.ts";
import type { Caller } from "./gateway.ts";
import { type RatePorts, takeRates } from "./rate-levels.ts";
import { scopesOf } from "./rate-scopes.ts";

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
  const cost = path === undefined ? undefined : ports.limits?.()?.api.get(path)?.cost;
  const ofPath = path === undefined || cost === undefined ? undefined : scopesOf(caller).path(path);
  const now = ports.clock.monotonic();
  const purse = ports.purses.hold(caller.tenant, amount, amount, now);
  if (caller.budget === null && cost === undefined) return purse;
  if (purse instanceof Promise) return budgetedLater(ports, caller, purse, ofPath, cost);
  return new BudgetedHold(ports, caller, purse, ofPath, cost).take(now);
}

async function budgetedLater(
  ports: LeasePorts,
  caller: Caller,
  purse: Promise<Hold>,
  path: TenantPath | undefined,
  cost: KeyBudget | undefined,
): Promise<Hold> {
  const held = await purse;
  return new BudgetedHold(ports, caller, held, path, cost).take(ports.clock.monotonic());
}

/** Points of the purse that budgets allow, too. */
class BudgetedHold implements Hold {
  #ofKey: BudgetHold | undefined;
  #ofPath: BudgetHold | undefined;

  constructor(
    readonly ports: LeasePorts,
    readonly caller: Caller,
    readonly purse: PurseHold,
    readonly path: TenantPath | undefined,
    /** What may be spent on the path. */
    readonly cost: KeyBudget | undefined,
  ) {}

  get amount(): Micropoints {
    return this.purse.amount;
  }

  /** Out of the budgets that there are: out of all, or nothing of anything. */
  take(now: number): Hold | Promise<Hold> {
    const { caller, path, cost } = this;
    try {
      if (caller.budget !== null && this.#ofKey === undefined) {
        const taking = this.#takeOf(caller, caller.budget, now);
        if (taking instanceof Promise) return this.#takeLater(taking, "key");
        this.#ofKey = taking;
      }
      if (path !== undefined && cost !== undefined && this.#ofPath === undefined) {
        const taking = this.#takeOf(path, cost, now);
        if (taking instanceof Promise) return this.#takeLater(taking, "path");
        this.#ofPath = taking;
      }
    } catch (thrown) {
      this.release();
      throw thrown;
    }
    return this;
  }

  settle(cost: Micropoints): ReturnType<Hold["settle"]> {
    const now = this.ports.clock.monotonic();
    const taken = this.purse.settle(cost, now);
    this.#ofKey?.settle(taken.charged, now);
    this.#ofPath?.settle(taken.charged, now);
    return taken;
  }

  release(): void {
    this.#ofKey?.release();
    this.#ofPath?.release();
    this.purse.release();
  }

  /** Budgets keep what they have counted until their next slices. */
  refund(charged: Micropoints): void {
    this.purse.refund(charged);
  }

  #takeOf(subject: BudgetSubject, budget: KeyBudget, now: number): BudgetHold | Promise<BudgetHold> {
    return this.ports.budgets.hold(subject, budget, this.amount, this.amount, now);
  }

  async #takeLater(taking: Promise<BudgetHold>, of: "key" | "path"): Promise<Hold> {
    try {
      if (of === "key") this.#ofKey = await taking;
      else this.#ofPath = await taking;
    } catch (thrown) {
      this.release();
      throw thrown;
    }
    return this.take(this.ports.clock.monotonic());
  }
}
