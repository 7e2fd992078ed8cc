import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "../../core/clock.ts";
import type { Binaries } from "./binaries.ts";
import { commandOf } from "./process-table.ts";
import type { ServerUser } from "./server-user.ts";

/** One run of the server's process. */
export interface Server {
  readonly pid: number;
  /** Resolves when the process is gone, with how it went. */
  readonly exited: Promise<string>;
  /** The last of what it wrote to its standard error, on one line. */
  lastWords(): string;
  /** Fast shutdown: connections are closed, everything is flushed; killed if that takes too long. */
  stop(): Promise<void>;
}

export interface LaunchOptions {
  readonly cluster: string;
  readonly port: number;
  readonly binaries: Binaries;
  readonly user: ServerUser;
  readonly clock: Clock;
  readonly maxConnections: number;
  readonly isThrowaway: boolean;
  /** Gives up the start. */
  readonly signal: AbortSignal;
}

/** How long a start may take; crash recovery reads at most `max_wal_size`. */
const START_MS = 60_000;
const STOP_MS = 20_000;
const POLL_MS = 10;
const MAX_WORDS = 400;

/**
 * Runs the server and waits until it takes connections.
 * @throws Error with the server's own words when it ends instead, takes too long, or is no longer wanted
 */
export async function launch(options: LaunchOptions): Promise<Server> {
  const { cluster, clock, signal } = options;
  const server = spawnServer(options);
  let isGone = false;
  void server.exited.then(() => {
    isGone = true;
  });
  const deadline = clock.monotonic() + START_MS;
  while (!signal.aborted && clock.monotonic() < deadline) {
    if (await isReady(cluster, server.pid)) return server;
    if (isGone) throw new Error(`Postgres ended at once: ${server.lastWords()}`);
    await sleep(clock, POLL_MS);
  }
  await server.stop();
  throw new Error(
    signal.aborted
      ? "no longer wanted"
      : `Postgres did not start within ${START_MS} ms: ${server.lastWords()}`,
  );
}

function spawnServer(options: LaunchOptions): Server {
  const { cluster, port, binaries, user, clock, maxConnections, isThrowaway } = options;
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: String(maxConnections),
    shared_buffers: "64MB",
    max_wal_size: "512MB",
    fsync: isThrowaway ? "off" : "on",
    log_min_messages: "fatal",
    log_timezone: "UTC",
    timezone: "UTC",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = Bun.spawn([...user.prefix, binaries.postgres, "-D", cluster, ...flags], {
    ...user.ids,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    // Its own session: a terminal's Ctrl-C must reach us alone, so that we can drain first.
    detached: true,
    env: { PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" },
  });
  const lastWords = listen(child.stderr);
  return {
    pid: child.pid,
    exited: child.exited.then((status) => String(child.signalCode ?? `status ${status}`)),
    lastWords,
    async stop() {
      child.kill("SIGINT");
      const cancel = clock.after(STOP_MS, () => child.kill("SIGKILL"));
      await child.exited;
      cancel();
    },
  };
}

/**
 * A server that outlived a killed run still holds the cluster: it is stopped before a new one starts. Call only
 * when no other gateway can be its owner.
 * @throws Error when it does not go
 */
export async function stopLeftover(cluster: string, clock: Clock): Promise<void> {
  const pid = Number((await pidFile(cluster))[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  const begun = clock.monotonic();
  for (;;) {
    const command = await commandOf(pid);
    if (command === undefined) return;
    // Somebody else got the number (usual after a container's restart); Postgres would take him for its own.
    if (!command.includes(cluster)) return await rm(join(cluster, "postmaster.pid"), { force: true });
    const waited = clock.monotonic() - begun;
    if (waited > 2 * STOP_MS) throw new Error(`A Postgres of an earlier run (process ${pid}) does not stop.`);
    signalTo(pid, waited < STOP_MS ? "SIGINT" : "SIGKILL");
    await sleep(clock, 50);
  }
}

function signalTo(pid: number, signal: "SIGINT" | "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile, or another user's: then it stays, and the caller's bound tells.
  }
}

/** Postgres itself notes in the eighth line of its pid file when it takes connections. */
async function isReady(cluster: string, pid: number): Promise<boolean> {
  const lines = await pidFile(cluster);
  return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
}

async function pidFile(cluster: string): Promise<readonly string[]> {
  const text = await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "");
  return text.split("\n");
}

function listen(stream: ReadableStream<Uint8Array>): () => string {
  let kept = "";
  const decoder = new TextDecoder();
  const read = async (): Promise<void> => {
    for await (const chunk of stream)
      kept = (kept + decoder.decode(chunk, { stream: true })).slice(-MAX_WORDS);
  };
  void read();
  return () => kept.trim().replace(/\s*\n\s*/g, " ");
}
