import { readFileSync } from "node:fs";
import { totalmem } from "node:os";

type Read = (path: string) => string;

const readText: Read = (path) => readFileSync(path, "utf8");

/**
 * How much of what the process may have it uses, 0 to 1.
 * @param most bytes; absent: its container's limit, else the machine's memory
 * @param processes that share it in equal parts
 */
export function memoryUse(most = containerLimit(readText) ?? totalmem(), processes = 1): () => number {
  return () => process.memoryUsage.rss() / (most / processes);
}

/**
 * The lowest limit on the process' own control group and those around it, in bytes. Version 2 says `max` where there
 * is none, version 1 a number beyond any machine. In a container its own group is the root of what it sees.
 */
export function containerLimit(read: Read): number | undefined {
  const limits = groupsOf(read)
    .flatMap(({ root, group, file }) => upwards(group).map((path) => `${root}${path}/${file}`))
    .map((path) => Number(attempt(read, path)))
    .filter((bytes) => bytes > 0 && bytes < BEYOND_ANY_MACHINE);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

const BEYOND_ANY_MACHINE = 2 ** 60;

function groupsOf(read: Read): readonly { root: string; group: string; file: string }[] {
  const lines = (attempt(read, "/proc/self/cgroup") ?? "").split("\n");
  return lines.flatMap((line) => {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || group === undefined) return [];
    if (controllers === "") return [{ root: "/sys/fs/cgroup", group, file: "memory.max" }];
    if (!controllers.split(",").includes("memory")) return [];
    return [{ root: "/sys/fs/cgroup/memory", group, file: "memory.limit_in_bytes" }];
  });
}

/** `/a/b` → `/a/b`, `/a`, and the root. */
function upwards(group: string): readonly string[] {
  const parts = group.split("/").filter((part) => part !== "");
  return Array.from({ length: parts.length + 1 }, (_, less) =>
    parts
      .slice(0, parts.length - less)
      .map((part) => `/${part}`)
      .join(""),
  );
}

function attempt(read: Read, path: string): string | undefined {
  try {
    return read(path).trim();
  } catch {
    return undefined;
  }
}
