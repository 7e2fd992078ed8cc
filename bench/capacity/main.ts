import { join } from "node:path";
import { OUT, ROOT, startChild } from "../child.ts";
import { measureMemory } from "../idle-memory.ts";
import { requireKnownOptions } from "../known-options.ts";
import { machineFacts } from "../machine.ts";
import { planFor, runLoad } from "../measure.ts";
import { commandOf, descendantsOf, usageOfProcess } from "../process-usage.ts";
import { CAPACITY, withPart } from "../readme.ts";
import { startSluiceTarget } from "../sluice.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import type { Target } from "../target.ts";
import { type Costs, coresFor, growthOf, memoryFor, type SocketCosts, USED } from "./sizing.ts";

/**
 * `bun run bench:capacity [--quick] [--dry]`: what a request costs with one process and with two, and what follows for
 * 10,000 and 50,000 requests a second and for a million connected users. Formulae are shown. See bench/README.md.
 */
process.chdir(ROOT);
const args = process.argv.slice(2);
requireKnownOptions(args, "bun run bench:capacity [--quick] [--dry]");
const isQuick = args.includes("--quick");
const REPEATS = isQuick ? 2 : 7;
const SECONDS = isQuick ? 1 : 6;
const LOADS = [
  {
    title: "whole answers of 64 tokens",
    load: { kind: "answer", model: "bench-64", connections: 96, generations: 1 },
  },
  {
    title: "streams of 64 tokens",
    load: { kind: "stream", model: "bench-64", connections: 96, generations: 1 },
  },
] as const;
const RATES = [10_000, 50_000];
const USERS = 1_000_000;
/** Each of a million users asks so often. */
const REQUESTS_AN_HOUR = 12;
/** Where `bench:sockets` has not run: TCP's own objects for one end, as Linux has them for an idle connection. */
const KERNEL_KIB = 4;

interface Stretch {
  readonly perSecond: number;
  readonly gateway: number;
  readonly postgres: number;
  readonly nats: number;
}

const mock = startChild("mock-vendor", [process.execPath, "bench/mock-vendor.ts"]);
const stops: (() => Promise<void>)[] = [() => mock.stop()];
try {
  const mockUrl = await mock.listening();
  const alone = await startSluiceTarget(mockUrl);
  stops.push(alone.stop);
  const two = await startSluiceTarget(mockUrl, { workers: 2 });
  stops.push(two.stop);
  const tables: string[] = [];
  for (const { title, load } of LOADS) {
    const stretches: { alone: Stretch[]; two: Stretch[] } = { alone: [], two: [] };
    for (const target of [alone, two])
      await runLoad(planFor(target, load, { seconds: 2 + SECONDS / 2 }), undefined);
    for (let repeat = 0; repeat < REPEATS; repeat += 1) {
      stretches.alone.push(await stretchOf(alone, load));
      stretches.two.push(await stretchOf(two, load));
      console.error(`${title}: ${repeat + 1}/${REPEATS}`);
    }
    tables.push(markdown(title, stretches));
  }
  for (const target of [alone, two]) {
    const books = await target.checkBooks();
    if (books?.reconciles !== true) throw new Error("the ledger does not reconcile");
  }
  const sockets = await socketCosts(() => startSluiceTarget(mockUrl));
  const { date, commit, processor, cores } = machineFacts("");
  const text = `${date}, commit ${commit}; ${processor}, ${cores} cores, nothing bound. The median of ${REPEATS} stretches of ${SECONDS} s, with the least and the greatest; everything on, as in \`bun run bench\`.

Cores for R requests a second = R × CPU seconds of a request × (1 + growth) ÷ ${USED}: cores are planned to be used to ${USED * 100} %. Growth is what a request costs more with two processes than with one (at least 0).

${tables.join("\n\n")}

**A million connected users.** Memory = sockets × (${sockets.costs.process.toFixed(1)} KiB in the process + ${sockets.costs.kernel.toFixed(1)} KiB in the kernel) = ${memoryFor(USERS, sockets.costs).toFixed(1)} GiB (${sockets.source}). Users who each ask ${REQUESTS_AN_HOUR} times an hour are ${Math.round((USERS * REQUESTS_AN_HOUR) / 3_600).toLocaleString("en-US")} requests a second: add the cores for that from above. A process that may open 65,536 files holds 60,000 sockets: ${Math.ceil(USERS / 60_000)} workers, or fewer with a higher limit.`;
  console.log(`\n${text}\n`);
  await Bun.write(join(OUT, "capacity.md"), text);
  if (!args.includes("--dry") && !isQuick) {
    const readme = join(ROOT, "bench/README.md");
    await Bun.write(readme, withPart(await Bun.file(readme).text(), CAPACITY, text));
  }
} finally {
  for (const stop of stops.toReversed()) await stop();
}
process.exit();

interface Usage {
  readonly gateway: number;
  readonly postgres: number;
  readonly nats: number;
}

/** CPU seconds so far, by what a process is. */
function usageOf({ pid }: Target): Usage {
  const sum = { gateway: usageOfProcess(pid).cpuSeconds, postgres: 0, nats: 0 };
  for (const child of descendantsOf(pid)) {
    const command = commandOf(child);
    const seconds = command === "" ? 0 : usageOfProcess(child).cpuSeconds;
    if (command.includes("src/main.ts")) sum.gateway += seconds;
    else if (command.includes("nats-server")) sum.nats += seconds;
    else sum.postgres += seconds;
  }
  return sum;
}

async function stretchOf(target: Target, load: (typeof LOADS)[number]["load"]): Promise<Stretch> {
  const before = usageOf(target);
  const { requests, seconds, errors } = await runLoad(planFor(target, load, { seconds: SECONDS }), undefined);
  // What is written in batches behind the answers belongs to them.
  await Bun.sleep(500);
  const after = usageOf(target);
  if (Object.keys(errors).length > 0) throw new Error(JSON.stringify(errors));
  const each = (name: keyof Usage): number => ((after[name] - before[name]) / requests) * 1_000;
  return {
    perSecond: requests / seconds,
    gateway: each("gateway"),
    postgres: each("postgres"),
    nats: each("nats"),
  };
}

function markdown(
  title: string,
  { alone, two }: { readonly alone: Stretch[]; readonly two: Stretch[] },
): string {
  const of = (stretches: Stretch[], name: keyof Stretch): Spread =>
    spreadOf(stretches.map((one) => one[name]));
  const costs: Costs = {
    gatewayAlone: of(alone, "gateway").median,
    gatewayOfTwo: of(two, "gateway").median,
    postgres: of(two, "postgres").median,
    nats: of(two, "nats").median,
  };
  const row = (name: string, stretches: Stretch[]): string =>
    `| ${[name, ...(["gateway", "postgres", "nats"] as const).map((what) => ms(of(stretches, what))), shown(of(stretches, "perSecond"), 0)].join(" | ")} |`;
  const sized = RATES.map((rate) => {
    const { gateway, postgres, nats } = coresFor(rate, costs);
    const cells = [gateway, postgres, nats].map((cores) => cores.toFixed(1));
    return `| ${[rate.toLocaleString("en-US"), ...cells, `${Math.ceil(gateway)}`].join(" | ")} |`;
  });
  const factor = spreadOf(two.map(({ perSecond }, at) => perSecond / (alone[at]?.perSecond ?? Number.NaN)));
  return `*${title}*: growth ${(growthOf(costs) * 100).toFixed(0)} %. Two processes answered ${shown(factor, 2)} times as many requests as one (generator, mock vendor, Postgres and NATS being on the same cores).

| CPU ms for 1,000 requests | gateway | Postgres | NATS | requests/s reached |
| --- | ---: | ---: | ---: | ---: |
${row("one process", alone)}
${row("two workers", two)}

| requests a second | cores: gateway | Postgres | NATS | workers |
| ---: | ---: | ---: | ---: | ---: |
${sized.join("\n")}`;
}

/** As `bench:sockets` found it; else of a few thousand, here. */
async function socketCosts(
  start: () => Promise<Target>,
): Promise<{ readonly costs: SocketCosts; readonly source: string }> {
  const file = Bun.file(join(OUT, "sockets.json"));
  if (await file.exists()) {
    const { sockets, kibibytes, kernelKibibytes, date } = await file.json();
    const costs = { process: Number(kibibytes), kernel: Number(kernelKibibytes) / 2 };
    return {
      costs,
      source: `\`bun run bench:sockets\` with ${Number(sockets).toLocaleString("en-US")}, ${date}`,
    };
  }
  const [idle] = await measureMemory(start, isQuick);
  const costs = { process: idle?.kibibytes ?? Number.NaN, kernel: KERNEL_KIB };
  return { costs, source: `${idle?.count} sockets, opened for this; the kernel's part is assumed` };
}

function ms(spread: Spread): string {
  return shown(
    { median: spread.median * 1e3, least: spread.least * 1e3, greatest: spread.greatest * 1e3 },
    1,
  );
}

function shown({ median, least, greatest }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${least.toFixed(digits)}–${greatest.toFixed(digits)})`;
}
