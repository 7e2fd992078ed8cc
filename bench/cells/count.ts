import { join } from "node:path";
import { freePort, ROOT } from "../child.ts";
import { startSluiceTarget } from "../sluice.ts";
import { growthOf, type Heap, leastOf } from "./heap.ts";
import { type StepPlan, stepLoad } from "./step-load.ts";
import { startStepVendor } from "./step-vendor.ts";

/** Something that costs cells; counts of it can be compared by `id`. */
export interface CellCase {
  readonly id: string;
  readonly title: string;
  readonly plan: StepPlan;
  /** Absent: a request is counted. Else one of the `tokens` that the plan's streams have more than this model's. */
  readonly fewer?: { readonly model: string; readonly tokens: number };
  /** Cells that a busy machine may add: timers go on while requests are slow, and batches become small. */
  readonly noise: number;
}

/** Enough that answers share what is done for many, as under load; below the 64 connections that clients keep alive. */
const AT_ONCE = 48;
/** Of a round: so many that what the process does by itself is little beside it. */
const REQUESTS = 480;
/** Long streams are not many: their tokens are. */
const LONG_REQUESTS = 96;
const MORE_TOKENS = 256;
const ROUNDS = 3;
/** Until everything that is made once is there. */
const WARM_UP = 480;
/** Until the optimizing compiler is done with what is hot. */
const COMPILING_WARM_UP = 6_000;
const COMPILING_WARM_UP_BY_ONE = 1_000;
/** What is written in batches behind the answers belongs to them. */
const SETTLE_MS = 400;

const SHORT = "bench-64-step-8";
const SHORT_BY_ONE = "bench-64-step-1";
const LONG_BY_ONE = `bench-${64 + MORE_TOKENS}-step-1`;
const overHttp = (kind: "answer" | "stream", model: string, requests = REQUESTS): StepPlan => ({
  kind,
  model,
  connections: AT_ONCE,
  generations: 1,
  requests,
});
const overSockets = (model: string, requests = REQUESTS): StepPlan => ({
  kind: "websocket",
  model,
  connections: 8,
  generations: AT_ONCE / 8,
  requests,
});

/** Seen with three busy loops beside the benches on two cores: 4 for a whole answer, 0.2 for a token. */
const REQUEST_NOISE = 4;
const TOKEN_NOISE = 0.4;

export const CELL_CASES: readonly CellCase[] = [
  { id: "answer", title: "whole answer", plan: overHttp("answer", SHORT), noise: REQUEST_NOISE },
  { id: "stream", title: "stream of 64 tokens", plan: overHttp("stream", SHORT), noise: REQUEST_NOISE },
  {
    id: "websocket",
    title: "WebSocket generation of 64 tokens",
    plan: overSockets(SHORT),
    noise: REQUEST_NOISE,
  },
  {
    id: "token",
    title: "token of a long stream",
    plan: overHttp("stream", LONG_BY_ONE, LONG_REQUESTS),
    fewer: { model: SHORT_BY_ONE, tokens: MORE_TOKENS },
    noise: TOKEN_NOISE,
  },
  {
    id: "websocket-token",
    title: "token of a long WebSocket generation",
    plan: overSockets(LONG_BY_ONE, LONG_REQUESTS),
    fewer: { model: SHORT_BY_ONE, tokens: MORE_TOKENS },
    noise: TOKEN_NOISE,
  },
];

export interface CountOptions {
  /**
   * With the optimizing compiler, which spares objects that never leave a function: which, hangs on what it has compiled
   * when, so that counts differ by some per cent from run to run. Without it every object that the code names is made and
   * counted: the same on every machine.
   */
  readonly isCompiled: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Loaded into the gateway first, after what counts. */
  readonly preload?: string;
}

/**
 * What one request of a case, or one token, puts on the heap of a gateway of its own whose collector is off.
 * Throws when an answer is not whole.
 */
export async function countCells(one: CellCase, options: CountOptions): Promise<Heap> {
  const vendor = startStepVendor();
  const port = freePort();
  const gateway = await startSluiceTarget(vendor.url, {
    models: [SHORT, SHORT_BY_ONE, LONG_BY_ONE],
    env: gatewayEnv(port, options),
  }).catch((error) => {
    vendor.stop();
    throw error;
  });
  const look = async (): Promise<Heap> => {
    await Bun.sleep(SETTLE_MS);
    return (await fetch(`http://127.0.0.1:${port}`)).json() as Promise<Heap>;
  };
  const each = async (plan: StepPlan): Promise<Heap> => {
    const rounds: Heap[] = [];
    let before = await look();
    for (let round = 0; round < ROUNDS; round += 1) {
      await stepLoad(gateway, vendor, plan);
      const after = await look();
      rounds.push(growthOf(before, after, plan.requests));
      before = after;
    }
    return leastOf(rounds);
  };
  const { plan, fewer } = one;
  const short: StepPlan = { ...plan, model: fewer?.model ?? plan.model };
  try {
    await stepLoad(gateway, vendor, { ...short, requests: warmUpOf(one, options) });
    if (fewer === undefined) return await each(plan);
    await stepLoad(gateway, vendor, plan);
    return growthOf(await each(short), await each(plan), fewer.tokens);
  } finally {
    await gateway.stop();
    vendor.stop();
  }
}

/** Requests. What they leave behind is never collected: of long streams they are fewer. */
function warmUpOf({ fewer }: CellCase, { isCompiled }: CountOptions): number {
  if (!isCompiled) return WARM_UP;
  return fewer === undefined ? COMPILING_WARM_UP : COMPILING_WARM_UP_BY_ONE;
}

function gatewayEnv(port: number, { isCompiled, env = {}, preload }: CountOptions): Record<string, string> {
  const preloads = [join(ROOT, "bench/cells/inside.ts"), ...(preload === undefined ? [] : [preload])];
  return {
    BUN_OPTIONS: preloads.map((file) => `--preload=${file}`).join(" "),
    BUN_JSC_useGC: "0",
    ...(isCompiled ? {} : { BUN_JSC_useDFGJIT: "0" }),
    BENCH_CELLS_PORT: String(port),
    ...env,
  };
}
