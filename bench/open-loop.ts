import { K6_MODELS } from "./cases.ts";
import type { Comparison } from "./compare.ts";
import type { K6, K6Result, Script } from "./k6/run.ts";
import type { BenchOptions } from "./options.ts";
import type { Target } from "./target.ts";

/** One k6 run on one target. */
export interface OpenLoop {
  readonly script: Script;
  readonly target: string;
  readonly rate: number;
  readonly result: K6Result;
}

const GENERATIONS_ON_A_SOCKET = 8;
/** Of what a closed loop reached: latencies are told for a machine that has room. */
const LOAD_PART = 0.5;

/** k6 at fixed rates, each script on both targets one after the other. */
export async function openLoops(
  gateway: Target,
  yardstick: Target,
  k6: K6,
  comparisons: readonly Comparison[],
  options: BenchOptions,
  say: (line: string) => void,
): Promise<readonly OpenLoop[]> {
  const runs: OpenLoop[] = [];
  for (const script of ["http", "sse", "websocket"] as const) {
    const rate = rateFor(script, comparisons, options);
    for (const target of [yardstick, gateway]) {
      if (script === "websocket" && !target.hasWebSocket) continue;
      say(`k6 ${script} on ${target.name}: ${rate} starts a second for ${options.k6Seconds} s`);
      const { url, key } = target;
      const result = await k6({
        script,
        url,
        key,
        model: K6_MODELS[script],
        rate,
        seconds: options.k6Seconds,
        generations: GENERATIONS_ON_A_SOCKET,
      });
      runs.push({ script, target: target.name, rate, result });
      if (target.hasExited()) throw new Error(`${target.name} ended under load`);
    }
  }
  return runs;
}

function rateFor(
  script: Exclude<Script, "mixed">,
  comparisons: readonly Comparison[],
  options: BenchOptions,
): number {
  const most = options.k6Rates[script];
  const id = script === "http" ? "answer" : "stream";
  const reached = comparisons.find(({ load }) => load.id === id)?.gateway.throughput.median ?? most;
  const perStart = script === "websocket" ? GENERATIONS_ON_A_SOCKET : 1;
  return Math.max(1, Math.min(most, Math.floor((reached * LOAD_PART) / perStart)));
}
