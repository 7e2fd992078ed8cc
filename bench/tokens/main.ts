import { join } from "node:path";
import type { Case } from "../cases.ts";
import { OUT, ROOT, runChild, startChild } from "../child.ts";
import { requireKnownOptions } from "../known-options.ts";
import { machineFacts } from "../machine.ts";
import { figuresOf, measure, planFor, runLoad } from "../measure.ts";
import { bindTo, boundCommand, coresOf, usageOfProcess } from "../process-usage.ts";
import { TOKENS, withPart } from "../readme.ts";
import { startSluiceTarget } from "../sluice.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { startPassThroughTarget, type Target } from "../target.ts";
import type { ReaderPlan, ReaderResult } from "./reader.ts";
import { STAMP_MODEL } from "./stamp.ts";

/**
 * `bun run bench:tokens [STREAMS] [--quick] [--dry]`: many streams at once through one core, how much later each token
 * comes than straight from the vendor, and how many tokens a core can carry. See bench/README.md.
 */
process.chdir(ROOT);
const args = process.argv.slice(2);
requireKnownOptions(args, "bun run bench:tokens [STREAMS] [--quick] [--dry]");
const isQuick = args.includes("--quick");
const streams = Number(args.find((one) => /^\d+$/.test(one)) ?? (isQuick ? 200 : 1_000));
const RATE = 50;
const OPEN_MS = streams * 4;
const SECONDS = isQuick ? 4 : 15;
const REPEATS = isQuick ? 1 : 5;
/** All streams are open before the first may end. */
const TOKENS_EACH = Math.ceil((OPEN_MS / 1_000 + 2 + SECONDS) * RATE);
const FAST: Case = {
  id: "fast",
  title: "streams of 1,024 tokens, 8 in a write, as fast as they come",
  load: { kind: "stream", model: "bench-1024", connections: 48, generations: 1 },
  tokens: 1_024,
};

interface Run extends ReaderResult {
  /** CPU microseconds of the gateway for a token of any stream. */
  readonly cpuEach: number;
}

/** Straight from the vendor, through what merely passes bytes, through Sluice. */
const WAYS = ["straight", "passThrough", "through"] as const;
type Runs = Readonly<Record<(typeof WAYS)[number], Run[]>>;

const cores = coresOf();
const stamping = startChild("stamping-vendor", [
  process.execPath,
  "bench/tokens/stamping-vendor.ts",
  String(TOKENS_EACH),
  String(RATE),
]);
const mock = startChild("mock-vendor", [process.execPath, "bench/mock-vendor.ts"]);
try {
  const straight = await stamping.listening();
  const paced = await startSluiceTarget(straight, { models: [STAMP_MODEL] });
  const yardstick = await startPassThroughTarget("pass-through", straight);
  let runs: Runs;
  try {
    runs = await delays(paced, yardstick, straight);
  } finally {
    await yardstick.stop();
    await paced.stop();
  }
  const fast = await startSluiceTarget(await mock.listening(), { models: [FAST.load.model] });
  let text: string;
  try {
    const tokens = await carried(fast);
    text = markdown(runs, tokens);
    const left = {
      tokensPerSecond: tokens.reached,
      addedDelayMs: addedBy(runs.through, runs.straight, "p99"),
    };
    await Bun.write(join(OUT, "tokens.json"), JSON.stringify(left, null, 2));
  } finally {
    await fast.stop();
  }
  console.log(`\n${text}\n`);
  if (!args.includes("--dry") && !isQuick) {
    const readme = join(ROOT, "bench/README.md");
    await Bun.write(readme, withPart(await Bun.file(readme).text(), TOKENS, text));
  }
  const lost = WAYS.flatMap((way) => runs[way]).filter(({ whole }) => whole < streams);
  for (const { whole } of lost)
    console.error(`wrong: ${streams - whole} of ${streams} streams were not whole`);
  process.exitCode = lost.length === 0 ? 0 : 1;
} finally {
  await stamping.stop();
  await mock.stop();
}
process.exit();

async function delays(gateway: Target, yardstick: Target, straight: string): Promise<Runs> {
  bindTo(stamping.pid, cores?.others);
  bindTo(yardstick.pid, cores?.gateway);
  bindTo(gateway.pid, cores?.gateway);
  const targets = {
    straight: { url: straight, key: "none", pid: stamping.pid },
    passThrough: yardstick,
    through: gateway,
  };
  const all: Runs = { straight: [], passThrough: [], through: [] };
  // Once for the compiler.
  for (const way of ["passThrough", "through"] as const) await read(targets[way]);
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    for (const way of repeat % 2 === 0 ? WAYS : WAYS.toReversed()) {
      const run = await read(targets[way]);
      all[way].push(run);
      const { p50, p99 } = run.delay;
      console.error(
        `${repeat + 1}/${REPEATS} ${way}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, ${run.whole} whole`,
      );
    }
  }
  return all;
}

async function read({ url, key, pid }: Pick<Target, "url" | "key" | "pid">): Promise<Run> {
  const plan: ReaderPlan = { url, key, streams, tokens: TOKENS_EACH, openMs: OPEN_MS };
  const command = [process.execPath, "bench/tokens/reader.ts", JSON.stringify(plan)];
  const before = usageOfProcess(pid).cpuSeconds;
  const patience = (TOKENS_EACH / RATE) * 3 + 60;
  const out = await runChild("reader", boundCommand(command, cores?.others), patience);
  const result: ReaderResult = JSON.parse(out);
  const cpuSeconds = usageOfProcess(pid).cpuSeconds - before;
  return { ...result, cpuEach: (cpuSeconds * 1e6) / (streams * TOKENS_EACH) };
}

/** Tokens that one core carries, the vendor's dialect being the client's. */
async function carried(gateway: Target) {
  bindTo(mock.pid, cores?.others);
  bindTo(gateway.pid, cores?.gateway);
  await runLoad(planFor(gateway, FAST.load, { seconds: isQuick ? 1 : 5 }), cores);
  const stretches = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    stretches.push(await measure(gateway, FAST, isQuick ? 1 : 6, cores));
  }
  const figures = figuresOf(stretches);
  const errors = Object.keys(figures.errors);
  if (errors.length > 0) throw new Error(`fast streams: ${JSON.stringify(figures.errors)}`);
  return {
    reached: spreadOf(stretches.map(({ requests, seconds }) => (requests / seconds) * FAST.tokens)),
    perCoreSecond: spreadOf(
      stretches.map(({ requests, cpuSeconds }) => (requests / cpuSeconds) * FAST.tokens),
    ),
    coreUse: figures.coreUse,
  };
}

function markdown(runs: Runs, tokens: Awaited<ReturnType<typeof carried>>): string {
  const of = (way: Run[], name: "p50" | "p99" | "p999"): Spread =>
    spreadOf(way.map(({ delay }) => delay[name]));
  const row = (title: string, spreads: readonly Spread[], rest: readonly string[]): string =>
    `| ${[title, ...spreads.map((one) => shown(one, 2)), ...rest].join(" | ")} |`;
  const names = ["p50", "p99", "p999"] as const;
  const whole = (way: Run[]): string =>
    `${way.reduce((sum, one) => sum + one.whole, 0)} of ${way.length * streams}`;
  const cpu = (way: Run[]): string => shown(spreadOf(way.map(({ cpuEach }) => cpuEach)), 1);
  const ways = [
    ["through a pass-through", "added by it", runs.passThrough],
    ["through Sluice", "added by Sluice", runs.through],
  ] as const;
  const rows = ways.flatMap(([title, addedTitle, way]) => [
    row(
      title,
      names.map((name) => of(way, name)),
      [whole(way), cpu(way)],
    ),
    row(
      `**${addedTitle}**`,
      names.map((name) => addedBy(way, runs.straight, name)),
      ["", ""],
    ),
  ]);
  const ratio = spreadOf(
    runs.through.map(({ cpuEach }, at) => cpuEach / (runs.passThrough[at]?.cpuEach ?? Number.NaN)),
  );
  const { date, commit, processor, cores: count } = machineFacts("");
  return `${date}, commit ${commit}; ${processor}, ${count} cores; the gateway bound to one. The median of ${REPEATS}, with the least and the greatest.

${streams.toLocaleString("en-US")} streams at once at ${RATE} tokens a second each, a token in a write; milliseconds from a token's writing to its reading:

| | p50 | p99 | p99.9 | streams whole | CPU µs for a token |
| --- | ---: | ---: | ---: | ---: | ---: |
${row(
  "straight from the vendor",
  names.map((name) => of(runs.straight, name)),
  [whole(runs.straight), "–"],
)}
${rows.join("\n")}

A token costs Sluice **${shown(ratio, 2)} times** the CPU that it costs the pass-through.

${FAST.title}: ${thousands(tokens.reached)} tokens/s through one core, which was used to ${shown({ median: tokens.coreUse.median * 100, least: tokens.coreUse.least * 100, greatest: tokens.coreUse.greatest * 100 }, 0)} %; ${thousands(tokens.perCoreSecond)} tokens for a second of its CPU.`;
}

/** Milliseconds, run by run. */
function addedBy(way: readonly Run[], straight: readonly Run[], name: "p50" | "p99" | "p999"): Spread {
  return spreadOf(way.map(({ delay }, at) => delay[name] - (straight[at]?.delay[name] ?? Number.NaN)));
}

function shown({ median, least, greatest }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${least.toFixed(digits)}–${greatest.toFixed(digits)})`;
}

function thousands({ median, least, greatest }: Spread): string {
  const text = (value: number): string => Math.round(value).toLocaleString("en-US");
  return `${text(median)} (${text(least)}–${text(greatest)})`;
}
