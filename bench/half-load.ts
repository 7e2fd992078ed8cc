import type { Comparison } from "./compare.ts";
import { planFor, runLoad } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import type { Cores } from "./process-usage.ts";
import { type Percentiles, type Spread, spreadOf } from "./statistics.ts";
import type { Target } from "./target.ts";

/** How much later answers are through the gateway than through the yardstick, both at the same rate. Milliseconds. */
export interface AddedLatency {
  readonly title: string;
  /** Starts a second: half of what the gateway reached in closed loops. */
  readonly rate: number;
  readonly errors: number;
  readonly whole: Added;
  /** To the first byte of the body. */
  readonly first: Added;
}

export interface Added {
  readonly yardstick: Percentiles3;
  readonly gateway: Percentiles3;
  /** Pair by pair. */
  readonly added: Percentiles3;
}

/** Of repeated stretches. */
export type Percentiles3 = Readonly<Record<"p50" | "p99" | "p999", Spread>>;

const PART = 0.5;
const REPEATS = 5;
/** Free ones are always there: what waits, waits for the gateway. */
const CONNECTIONS = 256;
const LOADS = ["answer", "stream"] as const;

export async function measureHalfLoad(
  gateway: Target,
  yardstick: Target,
  comparisons: readonly Comparison[],
  options: BenchOptions,
  cores: Cores | undefined,
  say: (line: string) => void,
): Promise<readonly AddedLatency[]> {
  const all: AddedLatency[] = [];
  for (const id of LOADS) {
    const found = comparisons.find(({ load }) => load.id === id);
    if (found === undefined) continue;
    const rate = Math.max(1, Math.floor(found.gateway.throughput.median * PART));
    const load = { ...found.load.load, connections: CONNECTIONS };
    const pairs: { own: readonly Percentiles[]; other: readonly Percentiles[] }[] = [];
    let errors = 0;
    for (let repeat = 0; repeat < Math.min(REPEATS, options.repeats); repeat += 1) {
      const results = new Map<Target, readonly Percentiles[]>();
      for (const target of repeat % 2 === 0 ? [yardstick, gateway] : [gateway, yardstick]) {
        const result = await runLoad(planFor(target, load, { seconds: options.seconds, rate }), cores);
        errors += Object.values(result.errors).reduce((sum, count) => sum + count, 0);
        results.set(target, [result.latency, result.first]);
        say(`half load, ${found.load.title}, ${target.name}: p99 ${result.latency.p99.toFixed(1)} ms`);
      }
      pairs.push({ own: results.get(gateway) ?? [], other: results.get(yardstick) ?? [] });
    }
    const added = (at: number): Added => ({
      yardstick: over(pairs.map(({ other }) => other[at])),
      gateway: over(pairs.map(({ own }) => own[at])),
      added: over(pairs.map(({ own, other }) => difference(own[at], other[at]))),
    });
    all.push({ title: found.load.title, rate, errors, whole: added(0), first: added(1) });
  }
  return all;
}

type Three = Pick<Percentiles, "p50" | "p99" | "p999">;

const over = (values: readonly (Three | undefined)[]): Percentiles3 => {
  const of = (name: keyof Three): Spread => spreadOf(values.map((value) => value?.[name] ?? Number.NaN));
  return { p50: of("p50"), p99: of("p99"), p999: of("p999") };
};

const difference = (own: Three | undefined, other: Three | undefined): Three | undefined =>
  own === undefined || other === undefined
    ? undefined
    : { p50: own.p50 - other.p50, p99: own.p99 - other.p99, p999: own.p999 - other.p999 };
