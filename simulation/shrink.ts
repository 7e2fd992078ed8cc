import type { BugName } from "./bugs.ts";
import { NO_FAULTS } from "./chance.ts";
import { type Outcome, simulate } from "./run.ts";
import type { Scenario } from "./scenario.ts";

/** The fewest troubles with which it still goes wrong: each is left out, and stays out if that changes nothing. */
export async function shrink(scenario: Scenario, bug?: BugName): Promise<Scenario> {
  let shortest = scenario;
  const goesWrong = async (tried: Scenario): Promise<boolean> =>
    (await simulate(tried, bug)).fault !== undefined;
  const calm = { ...shortest, faults: NO_FAULTS };
  if (await goesWrong(calm)) shortest = calm;
  for (const trouble of scenario.troubles) {
    const without = { ...shortest, troubles: shortest.troubles.filter((one) => one !== trouble) };
    if (await goesWrong(without)) shortest = without;
  }
  return shortest;
}

export interface Failure {
  readonly seed: number;
  readonly outcome: Outcome;
}
