import { join } from "node:path";
import { freePort, ROOT, startChild } from "../child.ts";
import { httpLoad } from "../load/http-load.ts";
import type { LoadPlan } from "../load/plan.ts";
import { websocketLoad } from "../load/websocket-load.ts";
import { startSluiceTarget } from "../sluice.ts";
import { leastOf, type Ratios } from "./cpu-verdict.ts";

const ROUNDS = 24;
/** Requests: few enough that some rounds are left in peace, many enough that what is written in batches is in each. */
const ROUND = 1_000;
/** Until the compiler is done with what is hot. */
const WARM_UP = 15_000;
/** Enough that answers share what is done for many, as under load. */
const CONNECTIONS = 48;
const PATIENCE_SECONDS = 60;

interface Load {
  readonly name: string;
  readonly plan: Pick<LoadPlan, "kind" | "model" | "connections" | "generations">;
  /** What the pass-through, which has no WebSockets, is asked instead. */
  readonly yardstick: "answer" | "stream";
}

const plan = (kind: LoadPlan["kind"], connections = CONNECTIONS, generations = 1) => ({
  kind,
  model: "bench-64",
  connections,
  generations,
});
const LOADS: readonly Load[] = [
  { name: "answer", plan: plan("answer"), yardstick: "answer" },
  { name: "stream", plan: plan("stream"), yardstick: "stream" },
  { name: "websocket", plan: plan("websocket", 8, 6), yardstick: "stream" },
];

/** Preloaded for the proof that the guard sees a regression. */
export const PLANT = join(ROOT, "bench/guard/plant.ts");

export interface CpuOptions {
  /** Every text is parsed so many times more; undefined: as it is. */
  readonly planted: number | undefined;
  /** Prints what each round cost. */
  readonly tellsRounds: boolean;
}

/** CPU, not time, against a bare pass-through in the same process; the least of many short rounds in turn. */
export async function measureCpu({ planted, tellsRounds }: CpuOptions): Promise<Ratios> {
  const mock = startChild("guard-mock", [process.execPath, "bench/mock-vendor.ts"]);
  try {
    const mockUrl = await mock.listening();
    const port = freePort();
    const gateway = await startSluiceTarget(mockUrl, {
      env: {
        BUN_OPTIONS: `--preload=${join(ROOT, "bench/guard/inside.ts")} --preload=${PLANT}`,
        BENCH_GUARD_PORT: String(port),
        BENCH_GUARD_UPSTREAM: mockUrl,
        ...(planted === undefined ? {} : { BENCH_GUARD_PLANT: String(planted) }),
      },
    });
    try {
      const inside = `http://127.0.0.1:${port}`;
      const { passThrough } = await look(inside);
      const ratios: Record<string, number> = {};
      for (const load of LOADS) {
        const own: LoadPlan = {
          ...load.plan,
          url: gateway.url,
          key: gateway.key,
          requests: ROUND,
          seconds: PATIENCE_SECONDS,
        };
        const bare: LoadPlan = {
          ...plan(load.yardstick),
          url: passThrough,
          key: "none",
          requests: ROUND,
          seconds: PATIENCE_SECONDS,
        };
        ratios[load.name] = await ratioOf(inside, own, bare, tellsRounds);
      }
      const books = await gateway.checkBooks();
      if (books?.reconciles !== true) throw new Error("the ledger does not reconcile");
      return ratios;
    } finally {
      await gateway.stop();
    }
  } finally {
    await mock.stop();
  }
}

interface Look {
  readonly passThrough: string;
  readonly cpuMicroseconds: number;
}
async function look(inside: string): Promise<Look> {
  return (await fetch(inside)).json() as Promise<Look>;
}

async function ratioOf(inside: string, own: LoadPlan, bare: LoadPlan, tellsRounds: boolean): Promise<number> {
  for (const one of [own, bare]) await run({ ...one, requests: WARM_UP });
  const rounds = { own: [] as number[], bare: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.own.push(await cpuOf(inside, own));
    rounds.bare.push(await cpuOf(inside, bare));
  }
  if (tellsRounds) console.log(JSON.stringify(rounds));
  return leastOf(rounds.own) / leastOf(rounds.bare);
}

/** Microseconds of a request. What follows its answer (the ledger's batch) is in a later round's, once in a while. */
async function cpuOf(inside: string, load: LoadPlan): Promise<number> {
  const before = await look(inside);
  const { requests } = await run(load);
  const after = await look(inside);
  return (after.cpuMicroseconds - before.cpuMicroseconds) / requests;
}

async function run(load: LoadPlan) {
  const result = await (load.kind === "websocket" ? websocketLoad(load) : httpLoad(load));
  const wrong = Object.keys(result.errors);
  if (wrong.length > 0) throw new Error(`${load.kind}: ${JSON.stringify(result.errors)}`);
  return result;
}
