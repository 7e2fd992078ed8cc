/**
 * How a limit counts.
 *
 * - `token-bucket`: a burst at once, then the rate; any window of w seconds admits at most burst + rate · w.
 * - `sliding-window`: at most `burst` in any window of burst ÷ rate seconds (without a burst: the rate, in one second).
 * - `leaky-bucket`: evenly at the rate; up to `burst` wait for their turn, what comes beyond is refused.
 */
export const ALGORITHMS = ["token-bucket", "sliding-window", "leaky-bucket"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** How a limit counts that does not say so. */
export const PLAIN_ALGORITHM: Algorithm = "token-bucket";

export interface RateLimit {
  /** Requests a second. */
  readonly qps: number;
  /** What may come at once; absent: one second's worth, at least 1. */
  readonly burst?: number;
  /** Absent: a token bucket. */
  readonly algorithm?: Algorithm;
}
