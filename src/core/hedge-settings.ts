import type { Micropoints } from "./points.ts";

/** Shares of calls that may be named as the measure of slowness. */
export const HEDGE_PERCENTILES = ["p50", "p75", "p90", "p95", "p99"] as const;
export type HedgePercentile = (typeof HEDGE_PERCENTILES)[number];

/** When a second vendor is asked because the first is slow to begin. */
export interface HedgeSettings {
  /** For every request that does not say otherwise. */
  readonly enabled: boolean;
  /** The first is slow once this share of its own calls would have begun. */
  readonly percentile: HedgePercentile;
  /** The most that the second call may cost in vain; absent: whatever its prompt costs. */
  readonly maxExtraCost?: Micropoints;
}

/** What holds where the configuration says nothing: only requests that ask for it are hedged. */
export const DEFAULT_HEDGE: HedgeSettings = { enabled: false, percentile: "p95" };

/** `p95` as 0.95. */
export const shareOf = (percentile: HedgePercentile): number => Number(percentile.slice(1)) / 100;
