import { join } from "node:path";
import { type WorkerPlace, writeWorkerPlace } from "../../config/worker-place.ts";
import { type Clock, sleep } from "../../core/clock.ts";
import type { ServingProcess } from "./kept-process.ts";

/** What a worker tells its parent once it serves. */
export const READY = "ready";

export interface WorkerOptions {
  readonly place: WorkerPlace;
  /** What all workers are given besides the environment of their parent. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

/** The ledger may have a killed worker's requests to settle first. */
const START_MS = 120_000;
const LOOK_EVERY_MS = 20;
const MAIN = join(import.meta.dir, "../../main.ts");

/** Starts one worker: the same program, told its place. Its log lines go where the parent's go. */
export async function launchWorker(
  { place, env, clock }: WorkerOptions,
  unwanted: AbortSignal,
): Promise<ServingProcess> {
  let isReady = false;
  const child = Bun.spawn([process.execPath, MAIN], {
    stdio: ["ignore", "inherit", "inherit"],
    // Its own session: a terminal's Ctrl-C must reach the parent alone, which asks its workers to drain.
    detached: true,
    env: {
      ...process.env,
      ...env,
      SLUICE_NODE_ID: place.nodes[place.number - 1],
      SLUICE_WORKER: writeWorkerPlace(place),
    },
    // Its end also tells the worker that the parent is gone.
    ipc(message) {
      isReady ||= message === READY;
    },
  });
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
  const why = isGone ? `it ended (${await exited})` : "it took too long";
  child.kill("SIGKILL");
  await exited;
  throw new Error(`worker ${place.number} does not start: ${why}`);
}
