import { join } from "node:path";
import { findProgram } from "../../scripts/servers.ts";
import { boundCommand, type Cores } from "../process-usage.ts";

export type Script = "http" | "sse" | "websocket" | "mixed";

export interface K6Plan {
  readonly script: Script;
  /** Without a path; several nodes as a comma list. */
  readonly url: string;
  readonly key: string;
  readonly model: string;
  /** Starts a second. */
  readonly rate: number;
  readonly seconds: number;
  /** On one socket; only for `websocket`. */
  readonly generations: number;
}

/** Milliseconds. */
export interface Trend {
  readonly med: number;
  readonly "p(90)": number;
  readonly "p(99)": number;
  readonly "p(99.9)": number;
  readonly max: number;
}

export interface K6Result {
  readonly iterations: number;
  /** Starts that k6 could not make in time. */
  readonly dropped: number;
  readonly failedChecks: number;
  /** By metric; only those that are trends. */
  readonly trends: Readonly<Record<string, Trend>>;
  readonly counts: Readonly<Record<string, number>>;
  /** Thresholds that were crossed. */
  readonly crossed: readonly string[];
}

interface Metric {
  readonly type: string;
  readonly values: Readonly<Record<string, number>>;
  readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
}

const THRESHOLDS_CROSSED = 99;

export type K6 = (plan: K6Plan) => Promise<K6Result>;

/** k6 as this machine has it, or can get it. Throws when there is none, saying what to install. */
export async function findK6(cores: Cores | undefined): Promise<{ run: K6; version: string }> {
  const found = await findProgram("k6");
  if (found.via === "environment") throw new Error("k6 is a command, not a server");
  const { command } = found;
  const version = Bun.spawnSync([...command, "version"])
    .stdout.toString()
    .trim();
  return { run: (plan) => runK6(boundCommand(command, cores?.others), plan), version };
}

async function runK6(command: readonly string[], plan: K6Plan): Promise<K6Result> {
  const { script, ...settings } = plan;
  const env = Object.entries(settings).flatMap(([name, value]) => ["-e", `${name.toUpperCase()}=${value}`]);
  const quiet = ["--quiet", "--no-usage-report", "--log-output=stderr"];
  const child = Bun.spawn([...command, "run", ...quiet, ...env, join(import.meta.dir, `${script}.js`)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const tooLong = setTimeout(() => child.kill("SIGKILL"), (plan.seconds + 60) * 1000);
  const [out, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(tooLong);
  const line = out.split("\n").find((text) => text.startsWith('{"'));
  if ((code !== 0 && code !== THRESHOLDS_CROSSED) || line === undefined) {
    throw new Error(`k6 ended with ${code}:\n${errors.slice(-2000)}`);
  }
  const summary: { readonly metrics: Readonly<Record<string, Metric>> } = JSON.parse(line);
  return resultOf(summary.metrics);
}

function resultOf(metrics: Readonly<Record<string, Metric>>): K6Result {
  const trends: Record<string, Trend> = {};
  const counts: Record<string, number> = {};
  const crossed: string[] = [];
  for (const [name, { type, values, thresholds = {} }] of Object.entries(metrics)) {
    if (type === "trend") trends[name] = trendOf(values);
    if (type === "counter") counts[name] = values.count ?? 0;
    for (const [rule, { ok }] of Object.entries(thresholds)) if (!ok) crossed.push(`${name} ${rule}`);
  }
  return {
    iterations: counts.iterations ?? 0,
    dropped: counts.dropped_iterations ?? 0,
    failedChecks: metrics.checks?.values.fails ?? 0,
    trends,
    counts,
    crossed,
  };
}

const trendOf = (values: Readonly<Record<string, number>>): Trend => ({
  med: values.med ?? 0,
  "p(90)": values["p(90)"] ?? 0,
  "p(99)": values["p(99)"] ?? 0,
  "p(99.9)": values["p(99.9)"] ?? 0,
  max: values.max ?? 0,
});
