import { type RunReport, runWall } from "./run.ts";

/** `bun run wall:money`: money under chaos, with real processes. Ends with 1 when anything is not exact. */
const USAGE = `usage: bun run wall:money [--seed N] [--runs N] [--seconds N]
  --seed     the first run's plan of mischief (1); the next runs take the next ones
  --runs     how many (1)
  --seconds  of load and mischief in each (80)`;

function readOptions(args: readonly string[]) {
  const values = { "--seed": 1, "--runs": 1, "--seconds": 80 };
  for (let at = 0; at < args.length; at += 2) {
    const name = args[at] ?? "";
    const value = Number(args[at + 1]);
    if (!(name in values) || !Number.isInteger(value) || value < 1 || value > 1_000_000) {
      console.error(USAGE);
      process.exit(2);
    }
    values[name as keyof typeof values] = value; // just checked
  }
  return values;
}

const points = (micro: bigint): string =>
  `${micro / 1_000_000n}.${String(micro % 1_000_000n).padStart(6, "0")}`;

function lineOf(report: RunReport): string {
  const { served = 0, cut = 0, refused = 0, lost = 0 } = report.requests;
  const mischief = Object.values(report.mischief).reduce((sum, count) => sum + count, 0);
  const wrong = report.findings.length + report.broken.length + report.overdrafts;
  const cells = [
    report.seed,
    mischief,
    served + cut + refused + lost,
    served,
    refused,
    cut,
    lost,
    report.inDoubt,
    points(report.toppedUp),
    points(report.charged),
    points(report.left),
    points(report.toppedUp - report.charged - report.left),
    report.overdrafts,
    wrong === 0 ? "exact" : `${wrong} wrong`,
  ];
  return `| ${cells.join(" | ")} |`;
}

const HEAD = `| seed | troubles | requests | served | refused | cut | no answer | in doubt | topped up | charged | left | difference | overdrafts | books |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |`;

const options = readOptions(process.argv.slice(2));
const reports: RunReport[] = [];
for (let run = 0; run < options["--runs"]; run += 1) {
  const seed = options["--seed"] + run;
  const report = await runWall({
    seed,
    seconds: options["--seconds"],
    say: (line) => console.log(`[${seed}] ${line}`),
  });
  reports.push(report);
  for (const { kind, detail } of report.findings.slice(0, 20)) console.log(`[${seed}] ${kind}: ${detail}`);
  for (const broken of report.broken) console.log(`[${seed}] reconciliation: ${broken}`);
  console.log(
    `[${seed}] refusals: ${JSON.stringify(report.refusals)}, troubles: ${JSON.stringify(report.mischief)}`,
  );
}
console.log(`\n${HEAD}\n${reports.map(lineOf).join("\n")}`);
const isExact = reports.every(
  ({ findings, broken, overdrafts }) => findings.length + broken.length + overdrafts === 0,
);
process.exit(isExact ? 0 : 1);
