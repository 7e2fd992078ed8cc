import { join } from "node:path";
import { OUT, ROOT } from "../child.ts";
import { requireKnownOptions } from "../known-options.ts";
import { machineFacts } from "../machine.ts";
import { BUDGETS, withPart } from "../readme.ts";
import type { Report } from "../report.ts";
import type { Spread } from "../statistics.ts";
import { budgetsOf, type Measured, tableOf } from "./budgets.ts";
import { measureStart } from "./start.ts";

/**
 * `bun run bench:budgets [--dry]`: runs the benches that tell whether the budgets are kept, one after the other, and fills
 * their table. See bench/README.md.
 */
process.chdir(ROOT);
const args = process.argv.slice(2);
requireKnownOptions(args, "bun run bench:budgets [--dry]");
const dry = args.includes("--dry") ? ["--dry"] : [];

await bench("bench/run.ts", "--repeats", "3", "--seconds", "4", ...dry);
await bench("bench/tokens/main.ts", ...dry);
await bench("bench/cluster/main.ts");
const startSeconds = await measureStart(7);

const report: Report = await read("report");
const tokens: Pick<Measured, "tokensPerSecond" | "addedDelayMs"> = await read("tokens");
const { asksPerThousand }: Pick<Measured, "asksPerThousand"> = await read("cluster");
const { date, commit, processor, cores } = machineFacts("");
const table = tableOf(
  budgetsOf({
    ...tokens,
    asksPerThousand,
    startSeconds,
    ratios: ratiosIn(report),
    kibPerIdleSocket: memoryOf(report, "idle WebSocket"),
    kibPerStream: memoryOf(report, "running stream"),
  }),
);
const text = `${date}, commit ${commit}; ${processor}, ${cores} cores. Medians, with the least and the greatest.\n\n${table}`;
console.log(`\n${text}\n`);
if (dry.length === 0) {
  const readme = join(ROOT, "bench/README.md");
  await Bun.write(readme, withPart(await Bun.file(readme).text(), BUDGETS, text));
}
process.exit();

/** One that fails has said why; its figures are none. */
async function bench(...command: readonly string[]): Promise<void> {
  console.error(`\n${command.join(" ")}`);
  const run = Bun.spawn([process.execPath, ...command], { cwd: ROOT, stdout: "inherit", stderr: "inherit" });
  if ((await run.exited) !== 0) throw new Error(`${command[0]} failed`);
}

/** What a bench left; just written, so that it is what it says. */
async function read<Left>(name: string): Promise<Left> {
  return await Bun.file(join(OUT, `${name}.json`)).json();
}

/** By how many are asked for at once, most first: a core that serves 10,000 a second has thousands at vendors. */
function ratiosIn({ comparisons }: Report): ReadonlyMap<number, Spread> {
  const ratios = comparisons.flatMap(({ load, ratio }) =>
    load.load.kind === "answer" && ratio !== undefined ? [[load.load.connections, ratio] as const] : [],
  );
  return new Map(ratios.sort(([one], [other]) => other - one));
}

function memoryOf({ memory }: Report, wanted: string): number {
  return memory.find(({ what }) => what === wanted)?.kibibytes ?? Number.NaN;
}
