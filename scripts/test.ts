import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { countsOf, verdictOf } from "./junit.ts";

/**
 * `bun run test [arguments of bun test]`: locked dependencies, all tests, and `N passed, N failed` as the last
 * line. Imports nothing that has to be installed first. Tests bring up the servers that they need themselves:
 * Postgres from npm (`tests/postgres.ts`), others through `servers.ts`.
 */

/** Embedded servers start inside hooks; on a machine of two busy cores that takes its time. */
const TIMEOUT_MS = 120_000;

const root = dirname(import.meta.dir);
const args = process.argv.slice(2);
const isFiltered = args.some((arg) => arg === "-t" || arg.startsWith("--test-name-pattern"));

install();
await prepareServers();
const reports = mkdtempSync(join(tmpdir(), "sluice-tests-"));
try {
  const verdict = await runTests(join(reports, "report.xml"));
  if (verdict.note !== undefined) console.log(`\n${verdict.note}`);
  console.log(`\n${verdict.passed} passed, ${verdict.failed} failed`);
  process.exitCode = verdict.failed === 0 ? 0 : 1;
} finally {
  rmSync(reports, { recursive: true, force: true });
}

/** The Bun that runs this script, so that none has to be on the PATH. */
function install(): void {
  const { exitCode } = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile", "--silent"], {
    cwd: root,
    stdout: "inherit",
    stderr: "inherit",
  });
  if (exitCode === 0) return;
  console.log("\nthe locked dependencies could not be installed\n\n0 passed, 1 failed");
  process.exit(1);
}

/** Before any test, so that none waits for a build; one that cannot be had is told by the tests that need it. */
async function prepareServers(): Promise<void> {
  const { findProgram } = await import("./servers.ts");
  for (const name of ["nats-server", "redis"] as const) {
    await findProgram(name).catch((thrown: unknown) => console.log(String(thrown)));
  }
}

async function runTests(report: string) {
  const reporting = ["--reporter=junit", `--reporter-outfile=${report}`];
  const child = Bun.spawn([process.execPath, "test", `--timeout=${TIMEOUT_MS}`, ...reporting, ...args], {
    cwd: root,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  const exitCode = await child.exited;
  const file = Bun.file(report);
  const xml = (await file.exists()) ? await file.text() : "";
  return verdictOf(countsOf(xml), exitCode, isFiltered);
}
