import { join } from "node:path";
import { freePort, ROOT, startChild } from "../child.ts";
import { requireKnownOptions } from "../known-options.ts";
import { httpLoad } from "../load/http-load.ts";
import type { LoadPlan } from "../load/plan.ts";
import { websocketLoad } from "../load/websocket-load.ts";
import { startSluiceTarget } from "../sluice.ts";
import { BOUND, leastOf, type Ratios, regressions } from "./verdict.ts";

/**
 * `bun run bench:guard [--record] [--plant [TIMES]]`: has a request become dearer? CPU, not time, against a bare
 * pass-through in the same process, the least of many short rounds in turn: a busy machine does not make it fail. Ends
 * with 1 when a load costs more than 1.5 times what `bench/guard.json` records. See bench/README.md.
 */
const ROUNDS = 24;
/** Requests: few enough that some rounds are left in peace, many enough that what is written in batches is in each. */
const ROUND = 1_000;
/** Until the compiler is done with what is hot. */
const WARM_UP = 15_000;
/** Enough that answers share what is done for many, as under load. */
const CONNECTIONS = 48;
const PATIENCE_SECONDS = 60;
const PLANTED = 100;
const RECORD = join(ROOT, "bench/guard.json");

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

process.chdir(ROOT);
const args = process.argv.slice(2);
requireKnownOptions(args, "bun run bench:guard [--record] [--plant [TIMES]] [--rounds]");
const plantedAt = args.indexOf("--plant");
const measured = await measure(plantedAt < 0 ? undefined : Number(args[plantedAt + 1] ?? PLANTED));
if (args.includes("--record")) {
  const rounded = Object.entries(measured).map(([name, ratio]) => [name, Math.round(ratio * 100) / 100]);
  await Bun.write(RECORD, `${JSON.stringify(Object.fromEntries(rounded), null, 2)}\n`);
  console.log(`recorded in bench/guard.json: ${JSON.stringify(Object.fromEntries(rounded))}`);
  process.exit();
}
const recorded: Ratios = await Bun.file(RECORD).json();
for (const [name, ratio] of Object.entries(measured)) {
  console.log(
    `${name}: ${ratio.toFixed(2)} times a pass-through's CPU (recorded ${recorded[name]?.toFixed(2)}, at most ${BOUND} times that)`,
  );
}
const wrong = regressions(measured, recorded);
for (const line of wrong) console.error(`dearer: ${line}`);
process.exit(wrong.length === 0 ? 0 : 1);

async function measure(plant: number | undefined): Promise<Ratios> {
  const mock = startChild("guard-mock", [process.execPath, "bench/mock-vendor.ts"]);
  try {
    const mockUrl = await mock.listening();
    const port = freePort();
    const gateway = await startSluiceTarget(mockUrl, {
      env: {
        BUN_OPTIONS: `--preload=${join(ROOT, "bench/guard/inside.ts")}`,
        BENCH_GUARD_PORT: String(port),
        BENCH_GUARD_UPSTREAM: mockUrl,
        ...(plant === undefined ? {} : { BENCH_GUARD_PLANT: String(plant) }),
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
        ratios[load.name] = await ratioOf(inside, own, bare);
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

async function ratioOf(inside: string, own: LoadPlan, bare: LoadPlan): Promise<number> {
  for (const one of [own, bare]) await run({ ...one, requests: WARM_UP });
  const rounds = { own: [] as number[], bare: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.own.push(await cpuOf(inside, own));
    rounds.bare.push(await cpuOf(inside, bare));
  }
  if (args.includes("--rounds")) console.log(JSON.stringify(rounds));
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
