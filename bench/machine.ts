import { readFileSync } from "node:fs";
import { availableParallelism, release, totalmem } from "node:os";
import { coresOf } from "./process-usage.ts";

/** Where figures come from; without it they mean nothing. */
export interface MachineFacts {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGibibytes: number;
  readonly kernel: string;
  readonly bun: string;
  readonly k6: string;
  /** The day, UTC. */
  readonly date: string;
  readonly commit: string;
  readonly isBound: boolean;
}

export function machineFacts(k6: string): MachineFacts {
  const cpuInfo = readFileSync("/proc/cpuinfo", "utf8");
  return {
    processor: /^model name\s*:\s*(.+)$/m.exec(cpuInfo)?.[1] ?? process.arch,
    cores: availableParallelism(),
    memoryGibibytes: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    bun: Bun.version,
    k6: k6.replace(/^k6 /, ""),
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    isBound: coresOf() !== undefined,
  };
}

/** With a plus when files differ from it. */
function commit(): string {
  const git = (...command: string[]): string => {
    const done = Bun.spawnSync(["git", ...command], { stderr: "ignore" });
    return done.success ? done.stdout.toString().trim() : "";
  };
  const hash = git("rev-parse", "--short", "HEAD");
  return hash === "" ? "unknown" : `${hash}${git("status", "--porcelain", "--", "src") === "" ? "" : "+"}`;
}
