import type { TenantId } from "../core/ids.ts";
import { createTurns, type Turns } from "./turns.ts";

/** Turns of which no tenant has more than its share while others wait. */
export interface FairTurns {
  /** @throws SluiceError `overloaded` when too many wait */
  run<Value>(tenant: TenantId, work: () => Promise<Value>): Promise<Value>;
}

/** So much at once and so much waiting, of all and of each tenant. */
export interface FairBounds {
  readonly atOnce: number;
  readonly waiting: number;
  readonly atOnceOfOne: number;
  readonly waitingOfOne: number;
}

/** A tenant's work waits in its own line first, so that one whose sources drip holds up none but itself. */
export function createFairTurns({ atOnce, waiting, atOnceOfOne, waitingOfOne }: FairBounds): FairTurns {
  const all = createTurns(atOnce, waiting);
  const tenants = new Map<TenantId, Turnstile>();
  return {
    async run(tenant, work) {
      const own = tenants.get(tenant) ?? { turns: createTurns(atOnceOfOne, waitingOfOne), inside: 0 };
      tenants.set(tenant, own);
      own.inside += 1;
      try {
        return await own.turns.run(() => all.run(work));
      } finally {
        own.inside -= 1;
        if (own.inside === 0) tenants.delete(tenant);
      }
    },
  };
}

interface Turnstile {
  readonly turns: Turns;
  inside: number;
}
