import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

/** Of what the process may have: its container's limit, else the machine's memory. 0 to 1. */
export function memoryUse(): () => number {
  const most = containerLimit() ?? totalmem();
  return () => process.memoryUsage.rss() / most;
}

/** cgroup v2 says `max` where there is none. */
function containerLimit(): number | undefined {
  try {
    const bytes = Number(readFileSync("/sys/fs/cgroup/memory.max", "utf8"));
    return bytes > 0 ? bytes : undefined;
  } catch {
    return undefined;
  }
}
