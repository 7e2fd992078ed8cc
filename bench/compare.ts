import { CASES, type Case } from "./cases.ts";
import { type Figures, figuresOf, measure, planFor, ratioOf, runLoad, type Stretch } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import type { Cores } from "./process-usage.ts";
import type { Spread } from "./statistics.ts";
import type { Target } from "./target.ts";

export interface Comparison {
  readonly load: Case;
  readonly gateway: Figures;
  /** Undefined where the yardstick cannot do it. */
  readonly yardstick: Figures | undefined;
  /** CPU per request, gateway against yardstick. */
  readonly ratio: Spread | undefined;
}

/**
 * Closed loops on both targets in turn: pass-through, gateway, gateway, pass-through, … so that whatever else the
 * machine does falls on both.
 */
export async function compare(
  gateway: Target,
  yardstick: Target,
  options: BenchOptions,
  cores: Cores | undefined,
  say: (line: string) => void,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const load of CASES) {
    const needsWebSocket = load.load.kind === "websocket";
    if (needsWebSocket && !gateway.hasWebSocket) continue;
    const pair = needsWebSocket ? [gateway] : [yardstick, gateway];
    const stretches = new Map<Target, Stretch[]>(pair.map((target) => [target, []]));
    say(`${load.title}: warming up`);
    for (const target of pair) {
      await runLoad(planFor(target, load.load, { seconds: options.warmUpSeconds }), cores);
    }
    const repeats = Math.min(options.repeats, load.mostRepeats ?? options.repeats);
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      for (const target of repeat % 2 === 0 ? pair : pair.toReversed()) {
        const stretch = await measure(target, load, options.seconds, cores);
        stretches.get(target)?.push(stretch);
        say(`  ${repeat + 1}/${repeats} ${target.name}: ${lineOf(stretch)}`);
      }
    }
    const own = stretches.get(gateway) ?? [];
    const other = stretches.get(yardstick);
    comparisons.push({
      load,
      gateway: figuresOf(own),
      yardstick: other && figuresOf(other),
      ratio: other && ratioOf(own, other),
    });
  }
  return comparisons;
}

function lineOf({ requests, seconds, cpuSeconds, latency, errors }: Stretch): string {
  const each = ((cpuSeconds / requests) * 1000).toFixed(4);
  const wrong = Object.keys(errors).length === 0 ? "" : `, errors ${JSON.stringify(errors)}`;
  return `${Math.round(requests / seconds)}/s, ${each} CPU s per 1,000, p99 ${latency.p99.toFixed(1)} ms${wrong}`;
}
