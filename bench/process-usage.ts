import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** What a process has used, all its threads together. From Linux's /proc. */
export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly threads: number;
}

const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** Throws where there is no /proc: without CPU figures the bench says nothing. */
export function usageOfProcess(pid: number): ProcessUsage {
  const fields = statOf(pid);
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    threads: Number(fields[17]),
    residentBytes: Number(fields[21]) * PAGE_BYTES,
  };
}

/** Everything that this process started, directly or not, and that still runs. */
export function descendantsOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const child = Number(name);
    const parent = Number.isInteger(child) ? Number(whileItRuns(() => statOf(child)[1])) : Number.NaN;
    if (!Number.isNaN(parent)) parents.set(child, parent);
  }
  const isBelow = (child: number): boolean => {
    const parent = parents.get(child);
    return parent !== undefined && (parent === pid || isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow);
}

/** The CPU of its descendants: the embedded Postgres of a gateway. */
export const cpuSecondsOfDescendants = (pid: number): number =>
  descendantsOf(pid).reduce(
    (sum, child) => sum + (whileItRuns(() => usageOfProcess(child).cpuSeconds) ?? 0),
    0,
  );

/** Its command line; empty when it has ended. */
export const commandOf = (pid: number): string =>
  whileItRuns(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")) ?? "";

/** A process may end between the listing and the look. */
function whileItRuns<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** The fields after the command's name, which may hold spaces: the first is the state, field 3 of proc(5). */
function statOf(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** One core for the gateway that is measured, the others for everything else. */
export interface Cores {
  readonly gateway: string;
  readonly others: string;
}

/** Undefined on a machine with one core, or without `taskset`: nothing is bound then. */
export function coresOf(): Cores | undefined {
  const count = availableParallelism();
  if (count < 2 || Bun.which("taskset") === null) return undefined;
  return { gateway: "0", others: count === 2 ? "1" : `1-${count - 1}` };
}

/** Binds all threads that a process has now, and those they start. Its children are free. */
export function bindTo(pid: number, cores: string | undefined): void {
  if (cores === undefined) return;
  const { exitCode, stderr } = Bun.spawnSync(["taskset", "-a", "-p", "-c", cores, String(pid)]);
  if (exitCode !== 0) throw new Error(`taskset: ${stderr.toString()}`);
}

export const boundCommand = (command: readonly string[], cores: string | undefined): readonly string[] =>
  cores === undefined ? command : ["taskset", "-c", cores, ...command];
