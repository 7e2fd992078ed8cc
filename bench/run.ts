import { join } from "node:path";
import { CASES } from "./cases.ts";
import { OUT, ROOT, startChild } from "./child.ts";
import { compare } from "./compare.ts";
import { startDescribedGateway } from "./described-gateway.ts";
import { measureHalfLoad } from "./half-load.ts";
import { measureMemory } from "./idle-memory.ts";
import { findK6 } from "./k6/run.ts";
import { requireKnownOptions } from "./known-options.ts";
import { machineFacts } from "./machine.ts";
import { runLoad } from "./measure.ts";
import { openLoops } from "./open-loop.ts";
import { type BenchOptions, readOptions, USAGE } from "./options.ts";
import { bindTo, type Cores, coresOf } from "./process-usage.ts";
import { FIGURES, withPart } from "./readme.ts";
import { markdownOf, type Report } from "./report.ts";
import { startSluiceTarget } from "./sluice.ts";
import { startPassThroughTarget, type Target } from "./target.ts";

/** `bun run bench`: see README.md beside this file. Ends with an error when something went wrong under load. */

/** Where k6 asks. */
const CHAT_PATH = "/v1/chat/completions";

const say = (line: string): void => console.error(line);

process.chdir(ROOT);
requireKnownOptions(process.argv.slice(2), USAGE);
const options = readOptions(process.argv.slice(2));
const report = await withTargets(options, measureAll);
const figures = markdownOf(report);
console.log(`\n${figures}\n`);
await Bun.write(join(OUT, "report.json"), JSON.stringify(report, null, 2));
if (options.writesReadme) {
  const readme = join(ROOT, "bench", "README.md");
  await Bun.write(readme, withPart(await Bun.file(readme).text(), FIGURES, figures));
  say("bench/README.md has these figures now");
}
const wrong = problemsOf(report);
for (const problem of wrong) say(`wrong: ${problem}`);
process.exit(wrong.length === 0 ? 0 : 1);

interface Running {
  readonly mockUrl: string;
  readonly yardstick: Target;
  readonly gateway: Target;
  /** Another one like it. */
  readonly start: () => Promise<Target>;
  readonly cores: Cores | undefined;
}

/** Starts everything, and stops it whatever happens, also on Ctrl-C. */
async function withTargets(
  settings: BenchOptions,
  run: (settings: BenchOptions, running: Running) => Promise<Report>,
): Promise<Report> {
  const stops: (() => Promise<void>)[] = [];
  const stopAll = async (): Promise<void> => {
    for (const stop of stops.splice(0).toReversed()) await stop();
  };
  process.once("SIGINT", () => void stopAll().then(() => process.exit(130)));
  process.once("SIGTERM", () => void stopAll().then(() => process.exit(143)));
  try {
    const cores = coresOf();
    say("starting the mock vendor, the pass-through and the gateway");
    const mock = startChild("mock-vendor", [process.execPath, "bench/mock-vendor.ts"]);
    stops.push(() => mock.stop());
    const mockUrl = await mock.listening();
    const yardstick = await startPassThroughTarget("pass-through", mockUrl);
    stops.push(yardstick.stop);
    const start = () => startGateway(settings, mockUrl);
    const gateway = await start();
    stops.push(gateway.stop);
    bindTo(mock.pid, cores?.others);
    bindTo(yardstick.pid, cores?.gateway);
    bindTo(gateway.pid, cores?.gateway);
    return await run(settings, { mockUrl, yardstick, gateway, start, cores });
  } finally {
    await stopAll();
  }
}

function startGateway({ isSelfTest, gatewayFile }: BenchOptions, mockUrl: string): Promise<Target> {
  if (isSelfTest) return startPassThroughTarget("second pass-through", mockUrl);
  return gatewayFile === undefined ? startSluiceTarget(mockUrl) : startDescribedGateway(gatewayFile, mockUrl);
}

async function measureAll(settings: BenchOptions, running: Running): Promise<Report> {
  const { mockUrl, yardstick, gateway, start, cores } = running;
  say("looking for k6");
  const k6 = await findK6(cores);
  const mockAlone: Record<string, number> = {};
  for (const { id, load } of CASES.filter((one) => one.load.kind !== "websocket")) {
    const alone = await runLoad(
      { ...load, url: mockUrl, key: "none", seconds: settings.warmUpSeconds },
      cores,
    );
    mockAlone[id] = alone.requests / alone.seconds;
  }
  const comparisons = await compare(gateway, yardstick, settings, cores, say);
  const halfLoad = await measureHalfLoad(gateway, yardstick, comparisons, settings, cores, say);
  const loops =
    (gateway.path ?? CHAT_PATH) === CHAT_PATH
      ? await openLoops(gateway, yardstick, k6.run, comparisons, settings, say)
      : [];
  say("memory of idle sockets and running streams, in a process that has not seen load");
  const memory = await measureMemory(start, settings.isQuick);
  // A look that fails must not cost the figures that are there.
  let booksProblem: string | undefined;
  const books = await gateway.checkBooks().catch((error: unknown) => {
    booksProblem = `The books could not be checked: ${error}`;
    return undefined;
  });
  return {
    machine: machineFacts(k6.version),
    gateway: gateway.name,
    yardstick: yardstick.name,
    repeats: settings.repeats,
    seconds: settings.seconds,
    mockAlone,
    comparisons,
    halfLoad,
    memory,
    openLoops: loops,
    books,
    booksProblem,
  };
}

/** What must not happen under any load. Slowness is not among it: that is for a reader to judge. */
function problemsOf({
  comparisons,
  halfLoad,
  openLoops: loops,
  books,
  booksProblem,
}: Report): readonly string[] {
  const problems: string[] = booksProblem === undefined ? [] : [booksProblem];
  for (const { load, gateway, yardstick } of comparisons) {
    for (const errors of [gateway.errors, yardstick?.errors ?? {}]) {
      if (Object.keys(errors).length > 0) problems.push(`${load.title}: ${JSON.stringify(errors)}`);
    }
  }
  for (const { title, errors } of halfLoad) {
    if (errors > 0) problems.push(`half load, ${title}: ${errors} errors`);
  }
  for (const { script, target, result } of loops) {
    if (result.failedChecks > 0)
      problems.push(`k6 ${script} on ${target}: ${result.failedChecks} failed checks`);
  }
  if (books?.reconciles === false)
    problems.push(`the ledger does not reconcile: ${books.failedChecks.join("; ")}`);
  if (books?.agree === false) {
    problems.push(
      `balance change ${books.balanceChange}, sum of costs ${books.sumOfCosts} and served ${books.servedByVendor} differ`,
    );
  }
  return problems;
}
