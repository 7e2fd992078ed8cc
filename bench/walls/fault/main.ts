import { join } from "node:path";
import { OUT, ROOT } from "../../child.ts";
import { machineFacts } from "../../machine.ts";
import { FAULT_WALL, withPart } from "../../readme.ts";
import { casesOf, commonCases } from "./cases.ts";
import { type FaultOptions, readOptions } from "./options.ts";
import { differencesIn, isRight, markdown } from "./report.ts";
import { runWall, type WallReport } from "./run.ts";
import { configurationFor, runTarget } from "./target.ts";

/** `bun run wall:fault`: vendors that do everything wrong. Ends with 1 when anything comes of it that must not. */
async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (options === undefined) return 2;
  const report = await run(options);
  const { date, commit, processor, cores } = machineFacts("");
  const command = ["bun run wall:fault", ...args].join(" ");
  const text = markdown(report, `${date}, commit ${commit}, \`${command}\`; ${processor}, ${cores} cores`);
  console.log(`\n${text}\n`);
  await Bun.write(join(OUT, "wall/fault.md"), text);
  if (options.writesReadme) {
    const readme = join(ROOT, "bench/README.md");
    await Bun.write(readme, withPart(await Bun.file(readme).text(), FAULT_WALL, text));
  }
  console.log(`${report.results.length} cases, ${differencesIn(report).length} not as expected`);
  return isRight(report) ? 0 : 1;
}

function optionsOf(args: readonly string[]): FaultOptions | undefined {
  try {
    return readOptions(args);
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    return undefined;
  }
}

function run({ only, target }: FaultOptions): Promise<WallReport> {
  const cases = (target === undefined ? casesOf() : commonCases()).filter(({ name }) => only.test(name));
  if (target === undefined) return runWall(cases);
  console.log(configurationFor(target.vendorPort, cases));
  return runTarget(target, cases);
}

process.chdir(ROOT);
process.exit(await main(process.argv.slice(2)));
