import type { RateLimit } from "./algorithms.ts";
import type { Micropoints } from "./points.ts";

/** What one client key may ask for, whatever its tenant may. */
export interface KeyLimits extends Partial<RateLimit> {
  /** Requests at the same time. */
  readonly concurrency?: number;
}

/** Calendar periods in UTC; `total` never ends. */
export const BUDGET_PERIODS = ["day", "month", "total"] as const;
export type BudgetPeriod = (typeof BUDGET_PERIODS)[number];

/** What one client key may spend in a period. */
export interface KeyBudget {
  readonly points: Micropoints;
  readonly period: BudgetPeriod;
}
