import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startOf } from "./process-table.ts";

export interface Claim {
  release(): Promise<void>;
}

/**
 * Takes a directory for this process. Without this a second gateway would take the first one's running server
 * for the leftover of a crash and stop it. A claim whose process is gone is void. (Two that find the same void
 * claim in the same instant are kept apart by Postgres' own lock file.)
 * @throws Error naming the process that has it
 */
export async function claim(directory: string): Promise<Claim> {
  const path = join(directory, "owner");
  const holder = await readFile(path, "utf8").catch(() => "");
  const [pid, start] = holder.trim().split(" ");
  if (start !== undefined && (await startOf(Number(pid))) === start) {
    throw new Error(
      `Process ${pid} runs on ${directory} already. Stop it, or give this one a directory of its own with SLUICE_DATA_DIR.`,
    );
  }
  await rm(path, { force: true });
  await writeFile(path, `${process.pid} ${await startOf(process.pid)}\n`, { flag: "wx", mode: 0o600 });
  return { release: () => rm(path, { force: true }) };
}
