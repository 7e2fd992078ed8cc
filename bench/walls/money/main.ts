import { join } from "node:path";
import { readOptions, type WallOptions } from "./options.ts";
import { isExact, markdown, type RunReport, table } from "./report.ts";
import { runWall } from "./run.ts";
import { runTarget } from "./target.ts";
import type { World } from "./world.ts";

/** `bun run wall:money`: money under chaos, with real processes. Ends with 1 when anything is not exact. */
const REPORT = join(import.meta.dir, "../../out/wall/report.md");
const MOST_TOLD = 20;

async function main(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (options === undefined) return 2;
  if (options.target !== undefined) {
    const { isRight, text } = await runTarget(options.target, options.seconds, console.log);
    console.log(`\n${text}`);
    await Bun.write(REPORT, text);
    return isRight ? 0 : 1;
  }
  const reports: RunReport[] = [];
  for (let run = 0; run < options.runs; run += 1) {
    const report = await oneRun(options, options.seed + run);
    reports.push(report);
    tell(report);
    await Bun.write(REPORT, markdown(reports, `bun run wall:money ${args.join(" ")}`));
  }
  console.log(`\n${table(reports)}\n\n${REPORT}`);
  return reports.every(isExact) ? 0 : 1;
}

function optionsOf(args: readonly string[]): WallOptions | undefined {
  try {
    return readOptions(args);
  } catch (thrown) {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    return undefined;
  }
}

async function oneRun(
  { seconds, nodes, withRedis, withIdempotency }: WallOptions,
  seed: number,
): Promise<RunReport> {
  const startedAt = performance.now();
  const say = (line: string): void =>
    console.log(`[${seed}] ${Math.round((performance.now() - startedAt) / 1_000)} s  ${line}`);
  const world = { nodes, withRedis, withIdempotency, say };
  const report = await runWall({ ...world, seed, seconds, opened: (running) => (open = running) });
  open = undefined;
  return report;
}

let open: World | undefined;

function tell(report: RunReport): void {
  const { seed, findings, broken } = report;
  for (const { kind, detail } of findings.slice(0, MOST_TOLD)) console.log(`[${seed}] ${kind}: ${detail}`);
  if (findings.length > MOST_TOLD) console.log(`[${seed}] and ${findings.length - MOST_TOLD} more`);
  for (const [code, message] of Object.entries(report.said)) console.log(`[${seed}] ${code}: ${message}`);
  for (const one of broken) console.log(`[${seed}] reconciliation: ${one}`);
  console.log(
    `[${seed}] refusals: ${JSON.stringify(report.refusals)}, troubles: ${JSON.stringify(report.troubles)}`,
  );
}

for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => {
    console.log("interrupted: ending what was started");
    void (open?.close() ?? Promise.resolve()).finally(() => process.exit(130));
  });
}
process.exit(await main(process.argv.slice(2)));
