import { join } from "node:path";
import { startCluster } from "../../tests/cluster.ts";
import { K6_MODELS } from "../cases.ts";
import { ROOT, startChild } from "../child.ts";
import { requireKnownOptions } from "../known-options.ts";
import { machineFacts } from "../machine.ts";
import { SUITES, withPart } from "../readme.ts";
import { sluiceConfig, startSluiceTarget } from "../sluice.ts";
import { findK6, type K6Result, type Script } from "./run.ts";
import { SHOWN } from "./shown.ts";

/**
 * `bun run bench:k6 [http] [sse] [websocket] [mixed] [--cluster N | --ports N] [--rate N] [--seconds N] [--quick] [--dry]`:
 * open-loop suites with thresholds, on one process, on N workers of one port, or on N nodes with a port each. Ends with 1
 * when a threshold is crossed, a check fails or the books are wrong. See bench/README.md.
 */
process.chdir(ROOT);
const args = process.argv.slice(2);
requireKnownOptions(
  args,
  "bun run bench:k6 [http] [sse] [websocket] [mixed] [--cluster N | --ports N] [--rate N] [--seconds N] [--quick] [--dry]",
);
const isQuick = args.includes("--quick");
const number = (name: string, absent: number): number => {
  const at = args.indexOf(name);
  return at < 0 ? absent : Number(args[at + 1]);
};
/** Starts a second, where nothing else is said: what a machine of two cores has room for beside k6 itself. */
const RATES: Readonly<Record<Script, number>> = { http: 400, sse: 60, websocket: 6, mixed: 200 };
const SCRIPTS = Object.keys(RATES) as readonly Script[]; // its own keys
const GENERATIONS_ON_A_SOCKET = 8;
const WARM_UP_SECONDS = 4;
const asked = SCRIPTS.filter((script) => args.includes(script));
const seconds = number("--seconds", isQuick ? 3 : 30);
const workers = number("--cluster", 1);
const ports = number("--ports", 1);

interface Place {
  /** Comma list. */
  readonly url: string;
  readonly key: string;
  reconciles(): Promise<boolean>;
  stop(): Promise<void>;
}

const mock = startChild("mock-vendor", [process.execPath, "bench/mock-vendor.ts"]);
try {
  const k6 = await findK6(undefined);
  const place = await startPlace(await mock.listening());
  const runs: { readonly script: Script; readonly rate: number; readonly result: K6Result }[] = [];
  let isReconciled = false;
  try {
    // Several processes have just found each other, and the compiler has seen nothing yet.
    const warm = { script: "http", url: place.url, key: place.key, model: K6_MODELS.http } as const;
    await k6.run({ ...warm, rate: 20, seconds: WARM_UP_SECONDS, generations: 1 });
    for (const script of asked.length === 0 ? SCRIPTS : asked) {
      const rate = number("--rate", isQuick ? Math.ceil(RATES[script] / 10) : RATES[script]);
      console.error(`${script}: ${rate} starts a second for ${seconds} s`);
      // Streams of the mix are paced; whole answers come at once whatever the model's pace.
      const model = script === "mixed" ? K6_MODELS.sse : K6_MODELS[script];
      const { url, key } = place;
      const generations = GENERATIONS_ON_A_SOCKET;
      runs.push({
        script,
        rate,
        result: await k6.run({ script, url, key, model, rate, seconds, generations }),
      });
    }
    isReconciled = await place.reconciles();
  } finally {
    await place.stop();
  }
  const { date, commit, processor, cores } = machineFacts(k6.version);
  const where =
    ports > 1
      ? `${ports} nodes, a port each`
      : workers > 1
        ? `${workers} workers on one port`
        : "one process";
  const rows = runs.flatMap(({ script, rate, result }) =>
    SHOWN[script].map(([metric, title], at) => {
      const { trends, failedChecks, dropped, crossed, iterations } = result;
      const trend = (["med", "p(90)", "p(99)", "p(99.9)", "max"] as const).map((name) =>
        (trends[metric]?.[name] ?? Number.NaN).toFixed(1),
      );
      const told =
        at > 0
          ? ["", "", ""]
          : [String(iterations), `${failedChecks} checks, ${dropped} dropped`, crossed.join(", ") || "kept"];
      return `| ${[at === 0 ? `${script}, ${rate}/s` : "", title, ...trend, ...told].join(" | ")} |`;
    }),
  );
  const text = `${date}, commit ${commit}; ${processor}, ${cores} cores; ${k6.version}; ${where}, ${seconds} s each. The books ${isReconciled ? "reconcile" : "do NOT reconcile"}.

| suite | ms | p50 | p90 | p99 | p99.9 | max | starts | errors | thresholds |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |
${rows.join("\n")}`;
  console.log(`\n${text}\n`);
  if (!args.includes("--dry") && !isQuick) {
    const readme = join(ROOT, "bench/README.md");
    await Bun.write(readme, withPart(await Bun.file(readme).text(), SUITES, text));
  }
  const isWell = runs.every(({ result }) => result.crossed.length === 0 && result.failedChecks === 0);
  process.exitCode = isWell && isReconciled ? 0 : 1;
} finally {
  await mock.stop();
}
process.exit();

async function startPlace(mockUrl: string): Promise<Place> {
  if (ports > 1) {
    const cluster = await startCluster(sluiceConfig(mockUrl), { nodes: ports });
    const [first] = cluster.nodes;
    if (first === undefined) throw new Error("no node started");
    const { key } = await first.client("1000000");
    return {
      url: cluster.nodes.map(({ url }) => url).join(","),
      key,
      reconciles: async () => (await first.admin<{ ok: boolean }>("GET", "/ledger/reconcile")).ok,
      stop: cluster.dispose,
    };
  }
  const { url, key, checkBooks, stop } = await startSluiceTarget(mockUrl, { workers });
  return { url, key, stop, reconciles: async () => (await checkBooks())?.reconciles === true };
}
