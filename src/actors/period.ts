import type { BudgetPeriod } from "../core/key-limits.ts";

export interface Period {
  /** Epoch milliseconds, inclusive. */
  readonly start: number;
  /** Epoch milliseconds, exclusive; Infinity for `total`. */
  readonly end: number;
}

/** The calendar period in UTC that `now` (epoch milliseconds) is in. */
export function periodAt(name: BudgetPeriod, now: number): Period {
  const date = new Date(now);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (name) {
    case "day":
      return { start: Date.UTC(year, month, day), end: Date.UTC(year, month, day + 1) };
    case "month":
      return { start: Date.UTC(year, month), end: Date.UTC(year, month + 1) };
    case "total":
      return { start: 0, end: Number.POSITIVE_INFINITY };
  }
}
