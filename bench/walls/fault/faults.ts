import type { Fault } from "./fault.ts";
import { cuts } from "./faults/cuts.ts";
import { nonsense } from "./faults/nonsense.ts";
import { oddities } from "./faults/oddities.ts";
import { refusals } from "./faults/refusals.ts";
import { stalls } from "./faults/stalls.ts";
import { usages } from "./faults/usage.ts";

/** Everything that the wall's vendors do wrong. */
export const FAULTS: readonly Fault[] = [
  ...oddities,
  ...cuts,
  ...stalls,
  ...nonsense,
  ...refusals,
  ...usages,
];
