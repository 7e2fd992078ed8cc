import { percentilesOf } from "../statistics.ts";
import type { LoadResult } from "./plan.ts";

/** What one generator has seen. */
export interface Tally {
  done(latencyMs: number, firstMs: number): void;
  failed(reason: string): void;
  result(seconds: number): LoadResult;
}

export function createTally(): Tally {
  const latencies: number[] = [];
  const firsts: number[] = [];
  const errors: Record<string, number> = {};
  return {
    done(latencyMs, firstMs) {
      latencies.push(latencyMs);
      firsts.push(firstMs);
    },
    failed(reason) {
      errors[reason] = (errors[reason] ?? 0) + 1;
    },
    result: (seconds) => ({
      requests: latencies.length,
      errors,
      seconds,
      latency: percentilesOf(latencies),
      first: percentilesOf(firsts),
    }),
  };
}
