import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase } from "../../tests/postgres.ts";
import { freePort, startChild } from "../child.ts";
import { type Spread, spreadOf } from "../statistics.ts";

const READY_MS = 60_000;
const LOOK_MS = 5;

/** Seconds from the start of a process until `/health/ready` says yes, with Postgres up and migrated. */
export async function measureStart(times: number): Promise<Spread> {
  const database = await testDatabase();
  try {
    const taken: number[] = [];
    for (let at = 0; at < times; at += 1) taken.push(await startOnce(database.url));
    return spreadOf(taken);
  } finally {
    await database.drop();
  }
}

async function startOnce(databaseUrl: string): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-start-"));
  const port = String(freePort());
  const began = performance.now();
  const child = startChild("start", [process.execPath, "src/main.ts"], {
    PORT: port,
    HOST: "127.0.0.1",
    DATABASE_URL: databaseUrl,
    NATS_URL: undefined,
    REDIS_URL: undefined,
    SLUICE_DATA_DIR: directory,
    SLUICE_ADMIN_KEY: `bench-${crypto.randomUUID()}`,
    NODE_ENV: "production",
  });
  try {
    while (performance.now() - began < READY_MS && !child.hasExited()) {
      const response = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
      if (response?.ok === true) return (performance.now() - began) / 1_000;
      await Bun.sleep(LOOK_MS);
    }
    throw new Error("Sluice did not become ready; see bench/out/start.log");
  } finally {
    await child.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
