import type { Case } from "./cases.ts";
import { runChild } from "./child.ts";
import type { LoadPlan, LoadResult } from "./load/plan.ts";
import { boundCommand, type Cores, cpuSecondsOfDescendants, usageOfProcess } from "./process-usage.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import type { Target } from "./target.ts";

/** One measured stretch of load on one target. */
export interface Stretch extends LoadResult {
  /** Of the gateway process, all threads. */
  readonly cpuSeconds: number;
  /** Of the processes it started: its Postgres. */
  readonly descendantsCpuSeconds: number;
  readonly residentBytes: number;
}

/** A load as one target is asked for it. */
export const planFor = (
  { url, key, path, headers }: Target,
  load: Case["load"],
  rest: Pick<LoadPlan, "seconds" | "rate">,
): LoadPlan => ({
  ...load,
  url,
  key,
  ...(path === undefined ? {} : { path }),
  ...(headers === undefined ? {} : { headers }),
  ...rest,
});

/** What is written in batches behind the answers belongs to the requests that caused it. */
const SETTLE_MS = 300;

export function runLoad(plan: LoadPlan, cores: Cores | undefined): Promise<LoadResult> {
  const command = boundCommand([process.execPath, "bench/load/main.ts", JSON.stringify(plan)], cores?.others);
  return runChild("load", command, plan.seconds + 30).then((out): LoadResult => JSON.parse(out));
}

export async function measure(
  target: Target,
  { load }: Case,
  seconds: number,
  cores: Cores | undefined,
): Promise<Stretch> {
  const before = usageOfProcess(target.pid);
  const descendantsBefore = cpuSecondsOfDescendants(target.pid);
  const result = await runLoad(planFor(target, load, { seconds }), cores);
  await Bun.sleep(SETTLE_MS);
  if (target.hasExited()) throw new Error(`${target.name} ended under load`);
  const after = usageOfProcess(target.pid);
  return {
    ...result,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    descendantsCpuSeconds: cpuSecondsOfDescendants(target.pid) - descendantsBefore,
    residentBytes: after.residentBytes,
  };
}

/** Repeated stretches of one case on one target, in figures that can be compared. */
export interface Figures {
  /** CPU seconds of the process per 1,000 requests. */
  readonly cpuPerThousand: Spread;
  readonly descendantsCpuPerThousand: Spread;
  /** Requests a second. */
  readonly throughput: Spread;
  /** Part of a core that the process used: near 1, it was the limit. */
  readonly coreUse: Spread;
  /** Milliseconds, at this throughput. */
  readonly p50: Spread;
  readonly p99: Spread;
  readonly p999: Spread;
  readonly firstP50: Spread;
  readonly firstP99: Spread;
  readonly residentMebibytes: number;
  readonly requests: number;
  readonly errors: Readonly<Record<string, number>>;
}

export function figuresOf(stretches: readonly Stretch[]): Figures {
  const over = (read: (stretch: Stretch) => number): Spread => spreadOf(stretches.map(read));
  const errors: Record<string, number> = {};
  for (const stretch of stretches) {
    for (const [name, count] of Object.entries(stretch.errors)) errors[name] = (errors[name] ?? 0) + count;
  }
  return {
    cpuPerThousand: over((stretch) => (stretch.cpuSeconds / stretch.requests) * 1000),
    descendantsCpuPerThousand: over((stretch) => (stretch.descendantsCpuSeconds / stretch.requests) * 1000),
    throughput: over((stretch) => stretch.requests / stretch.seconds),
    coreUse: over((stretch) => stretch.cpuSeconds / stretch.seconds),
    p50: over(({ latency }) => latency.p50),
    p99: over(({ latency }) => latency.p99),
    p999: over(({ latency }) => latency.p999),
    firstP50: over(({ first }) => first.p50),
    firstP99: over(({ first }) => first.p99),
    residentMebibytes: Math.max(...stretches.map(({ residentBytes }) => residentBytes)) / 2 ** 20,
    requests: stretches.reduce((sum, { requests }) => sum + requests, 0),
    errors,
  };
}

/** Ratio of two targets, pair by pair: stretches of a pair ran next to each other, under the same noise. */
export const ratioOf = (gateway: readonly Stretch[], yardstick: readonly Stretch[]): Spread =>
  spreadOf(
    gateway.map((stretch, at) => {
      const other = yardstick[at];
      if (other === undefined) return Number.NaN;
      return stretch.cpuSeconds / stretch.requests / (other.cpuSeconds / other.requests);
    }),
  );
