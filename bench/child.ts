import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";

/** A process that the bench started, and will stop by its id. */
export interface Child {
  readonly pid: number;
  /** The first line of its output that says `listening on URL`. Throws when it ends before. */
  listening(): Promise<string>;
  hasExited(): boolean;
  /** Asks it to end, insists after `patienceMs`. */
  stop(patienceMs?: number): Promise<void>;
}

export const ROOT = dirname(import.meta.dir);
/** Logs and summaries of the last run; not part of the repository. */
export const OUT = join(ROOT, "bench", "out");

const START_MS = 60_000;
const LOOK_EVERY_MS = 20;

/** Output goes to `bench/out/<name>.log`. */
export function startChild(
  name: string,
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Child {
  mkdirSync(OUT, { recursive: true });
  const log = join(OUT, `${name}.log`);
  const file = openSync(log, "w");
  const process = Bun.spawn([...command], {
    cwd: ROOT,
    env: {
      ...globalThis.process.env,
      BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
      MIMALLOC_PURGE_DELAY: "1000",
      BUN_GC_TIMER_INTERVAL: "30000",
      BUN_JSC_collectionTimerMaxPercentCPU: "0.005",
      ...env,
    },
    stdin: "ignore",
    stdout: file,
    stderr: file,
  });
  closeSync(file);
  const hasExited = (): boolean => process.exitCode !== null || process.signalCode !== null;
  return {
    pid: process.pid,
    hasExited,
    async listening() {
      const text = (): Promise<string> => Bun.file(log).text();
      for (let waited = 0; waited < START_MS; waited += LOOK_EVERY_MS) {
        const url = /listening on (http:\S+)/.exec(await text())?.[1];
        if (url !== undefined) return url;
        if (hasExited()) break;
        await Bun.sleep(LOOK_EVERY_MS);
      }
      throw new Error(`${name} did not start:\n${(await text()).slice(-2000)}`);
    },
    async stop(patienceMs = 15_000) {
      if (hasExited()) return;
      process.kill("SIGTERM");
      const isPatient = setTimeout(() => process.kill("SIGKILL"), patienceMs);
      await process.exited;
      clearTimeout(isPatient);
    },
  };
}

/** Runs to the end and gives its output; throws when it fails, or takes longer than `seconds`. */
export async function runChild(name: string, command: readonly string[], seconds: number): Promise<string> {
  const process = Bun.spawn([...command], { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const tooLong = setTimeout(() => process.kill("SIGKILL"), seconds * 1000);
  const [out, errors, code] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
    process.exited,
  ]);
  clearTimeout(tooLong);
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${(errors + out).slice(-2000)}`);
  return out;
}

/** A port nobody listens on now. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
