import { readFile } from "node:fs/promises";

/** The command line of a running process, its arguments parted by spaces; undefined when no such process runs. */
export async function commandOf(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") return await askPs(pid, "args=");
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  // A process that ended and was not yet collected has an empty one.
  return line === "" ? undefined : line.replaceAll("\0", " ").trim();
}

/** When a running process was started, in no particular form: process ids are used again, this is not. */
export async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") return await askPs(pid, "lstart=");
  const [stat, boot] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8").catch(() => ""),
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
  ]);
  // proc(5): field 22; the name in the second field may itself hold spaces and parentheses.
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return ticks === undefined ? undefined : `${ticks}@${boot.trim()}`;
}

async function askPs(pid: number, column: string): Promise<string | undefined> {
  try {
    const child = Bun.spawn(["ps", "-o", column, "-p", String(pid)], { stdout: "pipe", stderr: "ignore" });
    return (await new Response(child.stdout).text()).trim() || undefined;
  } catch {
    return undefined; // no `ps` (Windows): Postgres' own lock on its directory is what is left
  }
}
