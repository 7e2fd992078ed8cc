import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "../../core/clock.ts";
import { randomText } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import type { Random } from "../../core/random.ts";
import { commandOf } from "../../ledger/embedded/process-table.ts";
import { keepRunning, type ServingProcess } from "./kept-process.ts";

/** A nats-server of our own, on the loopback, for the workers of one machine. */
export interface OwnNats {
  /** With the token that it asks for. Stays the same over restarts. */
  readonly url: string;
  readonly pid: () => number | undefined;
  stop(): Promise<void>;
}

export interface OwnNatsOptions {
  /** Where it is, as `findNatsServer` found it. */
  readonly program: string;
  /** Holds its settings and what it stores. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How long a start may take; it reads what it has stored. */
const START_MS = 60_000;
const STOP_MS = 10_000;
const LOOK_EVERY_MS = 20;
const MAX_WORDS = 400;
/** Its write-up of what may be stored: five minutes of streams, and who owns what. */
const MOST_STORED = "10GB";

/** @throws Error that says what to install when there is none on the PATH */
export function findNatsServer(): string {
  const program = Bun.which("nats-server");
  if (program !== null) return program;
  throw new Error(
    "Several workers are joined by NATS: put nats-server 2.10 or newer on the PATH, or set NATS_URL.",
  );
}

/**
 * Starts it, again whenever it dies.
 * @throws Error in its own words when it does not run
 */
export async function startOwnNats(options: OwnNatsOptions): Promise<OwnNats> {
  const { program, directory, clock, random, log } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = { settings: join(directory, "server.conf"), pid: join(directory, "server.pid") };
  await stopLeftover(files.pid, directory, clock);
  const port = freePort();
  // Others on this machine may reach the port; the file, and with it the token, is the owner's alone.
  const token = randomText(random.bytes(40));
  await writeFile(files.settings, settingsOf(port, token, directory, files.pid), { mode: 0o600 });
  await chmod(files.settings, 0o600);
  const command = [...dyingWithUs(), program, "-c", files.settings];
  const launch = (unwanted: AbortSignal) => launchServer(command, clock, unwanted);
  const kept = await keepRunning({ name: "the nats-server", launch, clock, log });
  return { url: `nats://${token}@127.0.0.1:${port}`, pid: kept.pid, stop: () => kept.stop(STOP_MS) };
}

/**
 * Nothing that it holds is missed for long after a power failure (usage is sent again from the spools), so that it need
 * not sync each message.
 */
const settingsOf = (port: number, token: string, directory: string, pidFile: string): string => `
server_name: sluice
listen: "127.0.0.1:${port}"
pid_file: ${JSON.stringify(pidFile)}
authorization { token: "${token}" }
jetstream { store_dir: ${JSON.stringify(join(directory, "store"))}, max_file_store: ${MOST_STORED} }
`;

/** The kernel stops it when this process is killed, so that none is left behind. */
const dyingWithUs = (): readonly string[] =>
  Bun.which("setpriv") === null ? [] : ["setpriv", "--pdeathsig=KILL"];

async function launchServer(
  command: readonly string[],
  clock: Clock,
  unwanted: AbortSignal,
): Promise<ServingProcess> {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    // Its own session: a terminal's Ctrl-C must reach us alone, so that we can drain first.
    detached: true,
    env: { PATH: process.env.PATH ?? "" },
  });
  let words = "";
  let isReady = false;
  const listen = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) {
      words = (words + decoder.decode(chunk, { stream: true })).slice(-MAX_WORDS);
      isReady ||= words.includes("Server is ready");
    }
  };
  void listen();
  const exited = child.exited.then((status) => String(child.signalCode ?? `status ${status}`));
  let isGone = false;
  void exited.then(() => {
    isGone = true;
  });
  const deadline = clock.monotonic() + START_MS;
  while (!isReady && !isGone && !unwanted.aborted && clock.monotonic() < deadline) {
    await sleep(clock, LOOK_EVERY_MS);
  }
  if (isReady && !isGone) return { pid: child.pid, exited, signal: (name) => child.kill(name) };
  child.kill("SIGKILL");
  throw new Error(`nats-server does not run: ${words.trim().split("\n").at(-1) ?? ""}`);
}

/** Two servers on one store would spoil it: one that outlived a killed run is stopped first. */
async function stopLeftover(pidFile: string, directory: string, clock: Clock): Promise<void> {
  const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 1) return;
  const deadline = clock.monotonic() + STOP_MS;
  // Somebody else may have got the number by now.
  while ((await commandOf(pid))?.includes(directory) === true) {
    if (clock.monotonic() > deadline)
      throw new Error(`A nats-server of an earlier run (process ${pid}) does not stop.`);
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone meanwhile.
    }
    await sleep(clock, LOOK_EVERY_MS);
  }
}

/** A port that was free a moment ago. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
