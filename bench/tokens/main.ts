import { join } from "node:path";
import type { Case } from "../cases.ts";
import { ROOT, runChild, startChild } from "../child.ts";
import { machineFacts } from "../machine.ts";
import { figuresOf, measure, planFor, runLoad } from "../measure.ts";
import { bindTo, boundCommand, coresOf, usageOfProcess } from "../process-usage.ts";
import { TOKENS, withPart } from "../readme.ts";
import { startSluiceTarget } from "../sluice.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import type { Target } from "../target.ts";
import type { ReaderPlan, ReaderResult } from "./reader.ts";
import { STAMP_MODEL } from "./stamp.ts";

/**
 * `bun run bench:tokens [STREAMS] [--quick] [--dry]`: many streams at once through one core, how much later each token
 * comes than straight from the vendor, and how many tokens a core can carry. See bench/README.md.
 */
process.chdir(ROOT);
const args = process.argv.slice(2);
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
  /** Part of a core that the gateway used meanwhile. */
  readonly coreUse: number;
}

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
  let runs: { straight: Run[]; through: Run[] };
  try {
    runs = await delays(paced, straight);
  } finally {
    await paced.stop();
  }
  const fast = await startSluiceTarget(await mock.listening(), { models: [FAST.load.model] });
  let text: string;
  try {
    text = markdown(runs, await carried(fast));
  } finally {
    await fast.stop();
  }
  console.log(`\n${text}\n`);
  if (!args.includes("--dry") && !isQuick) {
    const readme = join(ROOT, "bench/README.md");
    await Bun.write(readme, withPart(await Bun.file(readme).text(), TOKENS, text));
  }
  const lost = [...runs.straight, ...runs.through].filter(({ whole }) => whole < streams);
  for (const { whole } of lost)
    console.error(`wrong: ${streams - whole} of ${streams} streams were not whole`);
  process.exitCode = lost.length === 0 ? 0 : 1;
} finally {
  await stamping.stop();
  await mock.stop();
}
process.exit();

async function delays(gateway: Target, straight: string): Promise<{ straight: Run[]; through: Run[] }> {
  bindTo(stamping.pid, cores?.others);
  bindTo(gateway.pid, cores?.gateway);
  const all = { straight: [] as Run[], through: [] as Run[] };
  // Once for the compiler.
  await read(gateway, { url: gateway.url, key: gateway.key });
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const one = async (where: "straight" | "through"): Promise<void> => {
      const target = where === "straight" ? { url: straight, key: "none" } : gateway;
      const run = await read(gateway, { url: target.url, key: target.key });
      all[where].push(run);
      console.error(
        `${repeat + 1}/${REPEATS} ${where}: p50 ${run.delay.p50.toFixed(2)} ms, p99 ${run.delay.p99.toFixed(2)} ms, ${run.whole} whole`,
      );
    };
    for (const where of repeat % 2 === 0
      ? (["straight", "through"] as const)
      : (["through", "straight"] as const)) {
      await one(where);
    }
  }
  return all;
}

async function read(gateway: Target, target: Pick<ReaderPlan, "url" | "key">): Promise<Run> {
  const plan: ReaderPlan = { ...target, streams, tokens: TOKENS_EACH, openMs: OPEN_MS };
  const command = [process.execPath, "bench/tokens/reader.ts", JSON.stringify(plan)];
  const before = usageOfProcess(gateway.pid).cpuSeconds;
  const began = performance.now();
  const patience = (TOKENS_EACH / RATE) * 3 + 60;
  const out = await runChild("reader", boundCommand(command, cores?.others), patience);
  const result: ReaderResult = JSON.parse(out);
  const seconds = (performance.now() - began) / 1_000;
  return { ...result, coreUse: (usageOfProcess(gateway.pid).cpuSeconds - before) / seconds };
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

function markdown(
  { straight, through }: { straight: Run[]; through: Run[] },
  tokens: Awaited<ReturnType<typeof carried>>,
): string {
  const of = (runs: readonly Run[], name: "p50" | "p99" | "p999"): Spread =>
    spreadOf(runs.map(({ delay }) => delay[name]));
  const added = (name: "p50" | "p99" | "p999"): Spread =>
    spreadOf(through.map(({ delay }, at) => delay[name] - (straight[at]?.delay[name] ?? Number.NaN)));
  const row = (title: string, spreads: readonly Spread[], rest: readonly string[]): string =>
    `| ${[title, ...spreads.map((one) => shown(one, 2)), ...rest].join(" | ")} |`;
  const names = ["p50", "p99", "p999"] as const;
  const whole = (runs: readonly Run[]): string =>
    `${runs.reduce((sum, one) => sum + one.whole, 0)} of ${runs.length * streams}`;
  const use = shown(spreadOf(through.map(({ coreUse }) => coreUse * 100)), 0);
  const { date, commit, processor, cores: count } = machineFacts("");
  return `${date}, commit ${commit}; ${processor}, ${count} cores; the gateway bound to one. The median of ${REPEATS}, with the least and the greatest.

${streams.toLocaleString("en-US")} streams at once at ${RATE} tokens a second each, a token in a write; milliseconds from a token's writing to its reading:

| | p50 | p99 | p99.9 | streams whole | of the gateway's core |
| --- | ---: | ---: | ---: | ---: | ---: |
${row(
  "straight from the vendor",
  names.map((name) => of(straight, name)),
  [whole(straight), "–"],
)}
${row(
  "through Sluice",
  names.map((name) => of(through, name)),
  [whole(through), `${use} %`],
)}
${row("**added**", names.map(added), ["", ""])}

${FAST.title}: ${thousands(tokens.reached)} tokens/s through one core, which was used to ${shown({ median: tokens.coreUse.median * 100, least: tokens.coreUse.least * 100, greatest: tokens.coreUse.greatest * 100 }, 0)} %; ${thousands(tokens.perCoreSecond)} tokens for a second of its CPU.`;
}

function shown({ median, least, greatest }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${least.toFixed(digits)}–${greatest.toFixed(digits)})`;
}

function thousands({ median, least, greatest }: Spread): string {
  const text = (value: number): string => Math.round(value).toLocaleString("en-US");
  return `${text(median)} (${text(least)}–${text(greatest)})`;
}
