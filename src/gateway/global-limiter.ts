import type { RateDenied, RateLeases, RateTaken } from "../actors/leases/leases.ts";
import type { RateLimit } from "../core/algorithms.ts";

/** The limit on all requests of all nodes together. */
export interface GlobalLimiter {
  /**
   * One request.
   * @param limit the configured one of this moment; the same object while it does not change
   * @param now the clock's monotonic time
   */
  take(limit: RateLimit, now?: number): RateTaken | RateDenied | Promise<RateTaken | RateDenied>;
}

/** Split among the nodes by the actor that owns it, as every other limit is. */
export const createLeasedGlobalLimiter = (rates: RateLeases): GlobalLimiter => ({
  take: (limit, now) => rates.take(EVERYTHING, limit, now),
});

const EVERYTHING = { kind: "global" } as const;
