import { mkdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Clock } from "../../core/clock.ts";
import type { Random } from "../../core/random.ts";
import { findBinaries } from "./binaries.ts";
import { claim } from "./claim.ts";
import { clusterIn, createCluster, passwordIn, ROLE } from "./cluster.ts";
import { type LaunchOptions, launch, type Server, stopLeftover } from "./server.ts";
import { serverUser } from "./server-user.ts";

export interface EmbeddedPostgresOptions {
  /** Holds the cluster (`cluster/`), its password and a note of who uses it. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** One line a step: first start, restart after a crash. */
  readonly onProgress: (line: string) => void;
  /** For gateways of several processes; absent: what one needs. */
  readonly maxConnections?: number;
  /** Faster and forgetful: for tests only. */
  readonly isThrowaway?: boolean;
}

/** A Postgres server of our own: started, watched, restarted when it dies, stopped with us. */
export interface EmbeddedPostgres {
  /** Stays the same over restarts. */
  readonly url: string;
  /** The server's process; another one after a crash. */
  readonly pid: number;
  /** Fast shutdown: open connections are closed, everything is flushed. Also while it is being restarted. */
  stop(): Promise<void>;
}

/** The pool of one gateway, of another that is about to follow it, and some for an operator. */
const MAX_CONNECTIONS = 100;
const LEAST_RESTART_DELAY_MS = 50;
const MOST_RESTART_DELAY_MS = 5_000;
/** A server that lived this long has no trouble of its own: its next restart begins with the least delay again. */
const SETTLED_MS = 2_000;
/** Somebody may take a port between the look for a free one and its use. */
const PORTS_TRIED = 3;

/**
 * Starts the server, creating its cluster the first time.
 * @throws Error when another gateway uses the directory, or Postgres cannot run here; the message says what to do
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  // Absolute, because it is used again long after the start.
  const directory = resolve(options.directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const claimed = await claim(directory);
  try {
    return await startClaimed({ ...options, directory }, claimed.release);
  } catch (thrown) {
    await claimed.release();
    throw thrown;
  }
}

async function startClaimed(
  { directory, clock, random, onProgress, maxConnections, isThrowaway = false }: EmbeddedPostgresOptions,
  release: () => Promise<void>,
): Promise<EmbeddedPostgres> {
  const cluster = clusterIn(directory);
  await stopLeftover(cluster, clock);
  const binaries = await findBinaries();
  const user = await serverUser(directory, cluster, binaries);
  if (!(await Bun.file(`${cluster}/PG_VERSION`).exists())) {
    onProgress("creating the embedded Postgres (first start only)");
    await createCluster({ directory, binaries, user, random, isThrowaway });
  }
  const password = (await readFile(passwordIn(directory), "utf8")).trim();
  const stopping = new AbortController();
  const common = {
    cluster,
    binaries,
    user,
    clock,
    maxConnections: maxConnections ?? MAX_CONNECTIONS,
    isThrowaway,
    signal: stopping.signal,
  };
  const { server: first, port } = await launchOnFreePort(common);
  const kept = keepRunning(first, { ...common, port }, onProgress);
  let stopped: Promise<void> | undefined;

  return {
    url: `postgres://${ROLE}:${password}@127.0.0.1:${port}/postgres`,
    get pid() {
      return kept.current().pid;
    },
    stop() {
      const stop = async (): Promise<void> => {
        stopping.abort();
        await kept.current().stop();
        await kept.ended;
        await release();
      };
      stopped ??= stop();
      return stopped;
    },
  };
}

async function launchOnFreePort(
  options: Omit<LaunchOptions, "port">,
): Promise<{ readonly server: Server; readonly port: number }> {
  for (let tried = 1; ; tried += 1) {
    const port = freePort();
    try {
      return { server: await launch({ ...options, port }), port };
    } catch (thrown) {
      const isTaken =
        thrown instanceof Error && /could not bind|could not create any TCP/.test(thrown.message);
      if (!isTaken || tried === PORTS_TRIED) throw thrown;
    }
  }
}

/** Starts the server again whenever it ends, until the signal says that it should. */
function keepRunning(
  first: Server,
  options: LaunchOptions,
  onProgress: (line: string) => void,
): { current(): Server; readonly ended: Promise<void> } {
  const { clock, signal } = options;
  let current = first;
  let failures = 0;

  const startAgain = async (): Promise<void> => {
    await pause(clock, Math.min(LEAST_RESTART_DELAY_MS * 2 ** failures, MOST_RESTART_DELAY_MS), signal);
    if (signal.aborted) return;
    failures += 1;
    try {
      current = await launch(options);
      onProgress("the embedded Postgres is back");
    } catch (cause) {
      if (!signal.aborted)
        onProgress(`the embedded Postgres does not start, trying again: ${reasonOf(cause)}`);
    }
  };
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      const watched = current;
      const since = clock.monotonic();
      const ending = await watched.exited;
      if (signal.aborted) return;
      if (clock.monotonic() - since > SETTLED_MS) failures = 0;
      onProgress(`the embedded Postgres died (${ending}), starting it again`);
      while (current === watched && !signal.aborted) await startAgain();
    }
    // The stop may have come while a new server was just ready.
    await current.stop();
  };
  return { current: () => current, ended: watch() };
}

/** Waits, but not longer than the signal lets it. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener("abort", end);
  });
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** A port that was free a moment ago. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
