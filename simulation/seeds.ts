import type { BugName } from "./bugs.ts";
import { simulate } from "./run.ts";
import { scenarioOf } from "./scenario.ts";
import type { Failure } from "./shrink.ts";

/** What one worker is asked, and tells. */
export interface Share {
  readonly from: number;
  readonly to: number;
  /** Of all workers, which takes every so many seeds. */
  readonly step: number;
  readonly bug: BugName | undefined;
}
export type Told =
  | { readonly kind: "done"; readonly served: number; readonly refused: number }
  | { readonly kind: "failed"; readonly failure: Failure };

/** Runs a share of the seeds. */
export async function runSeeds({ from, to, step, bug }: Share, tell: (told: Told) => void): Promise<void> {
  for (let seed = from; seed <= to; seed += step) {
    const outcome = await simulate(scenarioOf(seed), bug);
    if (outcome.fault === undefined) tell({ kind: "done", served: outcome.served, refused: outcome.refused });
    else tell({ kind: "failed", failure: { seed, outcome } });
  }
}
