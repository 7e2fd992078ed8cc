import { readFileSync } from "node:fs";

/** How many files this process and those that it starts may open: as many as asked for, if they may be raised to that. */
export function openFiles(wished: number): number {
  const limits = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
  const now = Number(limits?.[1] ?? 0);
  if (now >= wished) return now;
  const raised = Bun.spawnSync(["prlimit", "--pid", String(process.pid), `--nofile=${wished}:${wished}`]);
  return raised.success ? wished : now;
}
