import { join } from "node:path";
import { CELL_CASES, type CellCase, countCells } from "../cells/count.ts";
import { type Cells, sumOf } from "../cells/heap.ts";
import { ROOT } from "../child.ts";
import { requireKnownOptions } from "../known-options.ts";
import { type CellsByCase, moreCells, mostOf, recordOf } from "./cells-verdict.ts";
import { measureCpu, PLANT } from "./cpu.ts";
import { BOUND, type Ratios, regressions } from "./cpu-verdict.ts";
import { type GuardRecord, readRecord, recordText } from "./record.ts";

/**
 * `bun run bench:guard`: has a request become dearer? By the cells that it puts on the heap, which are counted, and by its
 * CPU against a bare pass-through in the same process. Ends with 1 when a case makes more cells, or a load costs more than
 * 1.5 times the CPU, than `bench/guard.json` records. See bench/README.md.
 */
const PLANTED = 100;

process.chdir(ROOT);
const args = process.argv.slice(2);
requireKnownOptions(
  args,
  "bun run bench:guard [--cells] [--record] [--file FILE] [--plant [TIMES]] [--rounds]",
);
const path = givenWith("--file") ?? join(ROOT, "bench/guard.json");
const planted = args.includes("--plant") ? Number(givenWith("--plant") ?? PLANTED) : undefined;
const isRecording = args.includes("--record");
const recorded = await readRecord(path);
const cells = await countAll();
const cpu = args.includes("--cells")
  ? undefined
  : await measureCpu({ planted, tellsRounds: args.includes("--rounds") });
if (isRecording) {
  await record({ cpu: cpu === undefined ? recorded.cpu : rounded(cpu), cells });
  process.exit();
}
for (const [name, ratio] of Object.entries(cpu ?? {})) {
  console.log(
    `${name}: ${ratio.toFixed(2)} times a pass-through's CPU (recorded ${recorded.cpu[name]?.toFixed(2)}, at most ${BOUND} times that)`,
  );
}
const wrong = [
  ...moreCells(cells, recorded.cells, noiseOf),
  ...(cpu === undefined ? [] : regressions(cpu, recorded.cpu)),
];
for (const line of wrong) console.error(`dearer: ${line}`);
process.exit(wrong.length === 0 ? 0 : 1);

/** Tells each case as soon as it is counted. */
async function countAll(): Promise<CellsByCase> {
  const counted: Record<string, Cells> = {};
  for (const one of CELL_CASES) {
    const before = recorded.cells[one.id];
    const most = before === undefined ? Number.POSITIVE_INFINITY : mostOf(before, one.noise);
    let now = await count(one);
    // What runs beside the requests makes cells, never fewer: a case that is better the second time has passed.
    if (sumOf(now) > most && !isRecording) now = fewerOf(now, await count(one));
    counted[one.id] = now;
    const held =
      before === undefined
        ? "none recorded"
        : `recorded ${sumOf(before).toFixed(2)}, at most ${most.toFixed(2)}`;
    console.log(`${one.id}: ${sumOf(now).toFixed(2)} cells (${held})`);
  }
  return counted;
}

async function count(one: CellCase): Promise<Cells> {
  const planting =
    planted === undefined ? {} : { env: { BENCH_GUARD_PLANT: String(planted) }, preload: PLANT };
  return recordOf((await countCells(one, { isCompiled: false, ...planting })).cells);
}

function fewerOf(one: Cells, other: Cells): Cells {
  return sumOf(one) <= sumOf(other) ? one : other;
}

function noiseOf(id: string): number {
  return CELL_CASES.find((one) => one.id === id)?.noise ?? 0;
}

function rounded(ratios: Ratios): Ratios {
  return Object.fromEntries(
    Object.entries(ratios).map(([name, ratio]) => [name, Math.round(ratio * 100) / 100]),
  );
}

async function record(next: GuardRecord): Promise<void> {
  await Bun.write(path, recordText(next));
  console.log(
    `recorded in ${path}: CPU ${JSON.stringify(next.cpu)}, cells of ${Object.keys(next.cells).join(", ")}`,
  );
}

/** What follows an option, if that is no option itself. */
function givenWith(option: string): string | undefined {
  const at = args.indexOf(option);
  const value = at < 0 ? undefined : args[at + 1];
  return value?.startsWith("--") ? undefined : value;
}
