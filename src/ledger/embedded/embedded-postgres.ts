import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { type Clock, sleep } from "../../core/clock.ts";
import { randomText } from "../../core/ids.ts";
import type { Random } from "../../core/random.ts";
import { type Binaries, findBinaries } from "./binaries.ts";
import { type ServerUser, serverUser } from "./server-user.ts";

export interface EmbeddedPostgresOptions {
  /** Holds the cluster (`cluster/`) and its password. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** One line a step: first start, restart after a crash. */
  readonly onProgress: (line: string) => void;
  /** Faster and forgetful: for tests only. */
  readonly isThrowaway?: boolean;
}

/** A Postgres server of our own: started, watched, restarted when it dies, stopped with us. */
export interface EmbeddedPostgres {
  readonly url: string;
  /** The server's process; another one after a crash. */
  readonly pid: number;
  /** Fast shutdown: open connections are closed, everything is flushed. */
  stop(): Promise<void>;
}

/** How long a start may take; crash recovery reads at most `max_wal_size`. */
const START_MS = 60_000;
const STOP_MS = 20_000;
const MOST_RESTART_DELAY_MS = 5_000;
const USER = "sluice";

/** Starts the server, creating its cluster the first time. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { directory, clock, onProgress } = options;
  const cluster = join(directory, "cluster");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const binaries = await findBinaries();
  const user = await serverUser(cluster, binaries.postgres);
  await stopLeftover(cluster, clock);
  if (!(await Bun.file(join(cluster, "PG_VERSION")).exists())) {
    onProgress("creating the embedded Postgres (first start only)");
    await initialise(options, binaries, user, cluster);
  }
  const password = (await readFile(join(directory, "password"), "utf8")).trim();
  const port = freePort();
  let child = await launch(options, binaries, user, cluster, port);
  let isStopping = false;

  const watch = async (): Promise<void> => {
    for (let failures = 0; ; failures += 1) {
      await child.exited;
      if (isStopping) return;
      onProgress("the embedded Postgres died; starting it again");
      await sleep(clock, Math.min(50 * 2 ** failures, MOST_RESTART_DELAY_MS));
      if (isStopping) return;
      try {
        child = await launch(options, binaries, user, cluster, port);
        failures = 0;
        onProgress("the embedded Postgres is back");
      } catch (cause) {
        onProgress(`the embedded Postgres does not start: ${cause instanceof Error ? cause.message : cause}`);
      }
    }
  };
  const watching = watch();

  return {
    url: `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`,
    get pid() {
      return child.pid;
    },
    async stop() {
      isStopping = true;
      child.kill("SIGINT");
      const cancel = clock.after(STOP_MS, () => child.kill("SIGKILL"));
      await child.exited;
      cancel();
      await watching;
    },
  };
}

async function initialise(
  { directory, random, isThrowaway }: EmbeddedPostgresOptions,
  binaries: Binaries,
  user: ServerUser,
  cluster: string,
): Promise<void> {
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, `${randomText(random.bytes(40))}\n`, { mode: 0o600 });
  await rm(cluster, { recursive: true, force: true });
  await mkdir(cluster, { mode: 0o700 });
  await chmod(passwordFile, 0o600);
  await user.own(cluster);
  await user.own(passwordFile);
  await user.own(directory);
  const child = Bun.spawn(
    [
      ...user.prefix,
      binaries.initdb,
      `--pgdata=${cluster}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--locale=C",
      ...(isThrowaway === true ? ["--no-sync"] : []),
    ],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH: process.env.PATH ?? "", LC_ALL: "C" },
    },
  );
  const [status, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (status !== 0) throw new Error(`initdb failed: ${errors.trim().split("\n").at(-1) ?? status}`);
}

/** Runs the server and waits until it takes connections. */
async function launch(
  { clock, isThrowaway }: EmbeddedPostgresOptions,
  binaries: Binaries,
  user: ServerUser,
  cluster: string,
  port: number,
): Promise<Subprocess<"ignore", "ignore", "pipe">> {
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "100",
    shared_buffers: "64MB",
    max_wal_size: "512MB",
    fsync: isThrowaway === true ? "off" : "on",
    synchronous_commit: "on",
    log_min_messages: "fatal",
    log_timezone: "UTC",
    timezone: "UTC",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = Bun.spawn([...user.prefix, binaries.postgres, "-D", cluster, "-p", String(port), ...flags], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    // Its own session: a terminal's Ctrl-C must reach us alone, so that we can drain first.
    detached: true,
    env: { PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" },
  });
  const said = lastLines(child.stderr);
  const deadline = clock.monotonic() + START_MS;
  while (clock.monotonic() < deadline) {
    if (child.exitCode !== null) throw new Error(`Postgres ended at once: ${said.text()}`);
    if (await isReady(cluster, child.pid)) return child;
    await sleep(clock, 20);
  }
  child.kill("SIGKILL");
  throw new Error(`Postgres did not start within ${START_MS} ms: ${said.text()}`);
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

/** A server that outlived a killed run still holds the cluster: it is stopped before a new one starts. */
async function stopLeftover(cluster: string, clock: Clock): Promise<void> {
  const pid = Number((await pidFile(cluster))[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  const deadline = clock.monotonic() + STOP_MS;
  while (await isServerOf(pid, cluster)) {
    process.kill(pid, clock.monotonic() < deadline ? "SIGINT" : "SIGKILL");
    await sleep(clock, 50);
  }
}

/** Process ids are used again: only a process that names this cluster in its command line is meant. */
async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return command.includes(cluster);
}

function lastLines(stream: ReadableStream<Uint8Array>): { text(): string } {
  let kept = "";
  const decoder = new TextDecoder();
  const read = async (): Promise<void> => {
    for await (const chunk of stream) kept = (kept + decoder.decode(chunk, { stream: true })).slice(-2_000);
  };
  void read();
  return { text: () => kept.trim() };
}

/** A port that was free a moment ago; the server refuses to start, loudly, if it was taken since. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
