import { type Cancel, type Clock, sleep } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";

/** A process of ours that serves. */
export interface ServingProcess {
  readonly pid: number;
  /** Resolves when it is gone, with how it went. */
  readonly exited: Promise<string>;
  signal(name: NodeJS.Signals): void;
}

/** A process that is started again whenever it ends, until it is stopped. */
export interface KeptProcess {
  /** Undefined while there is none. */
  pid(): number | undefined;
  /** Passed on to the process that there is now. */
  signal(name: NodeJS.Signals): void;
  /** Asks it to end, kills it when that takes longer than the patience. Also while it is being started again. */
  stop(patienceMs: number): Promise<void>;
}

export interface KeepOptions {
  /** As the log calls it: `worker 2`. */
  readonly name: string;
  /** Resolves once it serves; rejects with the reason when it ends before, and when the signal says that it must. */
  readonly launch: (unwanted: AbortSignal) => Promise<ServingProcess>;
  readonly clock: Clock;
  readonly log: Log;
}

const LEAST_DELAY_MS = 100;
const MOST_DELAY_MS = 5_000;
/** One that served this long has no trouble of its own: its next start begins with the least delay again. */
const SETTLED_MS = 10_000;

/** @throws what the first launch rejects with: what cannot be started once is not tried again */
export async function keepRunning({ name, launch, clock, log }: KeepOptions): Promise<KeptProcess> {
  const stopping = new AbortController();
  let current: ServingProcess | undefined = await launch(stopping.signal);
  let failures = 0;

  const startAgain = async (): Promise<void> => {
    await pause(clock, Math.min(LEAST_DELAY_MS * 2 ** failures, MOST_DELAY_MS), stopping.signal);
    if (stopping.signal.aborted) return;
    failures += 1;
    try {
      current = await launch(stopping.signal);
      log.info(`${name} is back`, { pid: current.pid });
    } catch (cause) {
      if (!stopping.signal.aborted)
        log.error(`${name} does not start, trying again`, { cause: String(cause) });
    }
  };
  const watch = async (): Promise<void> => {
    while (current !== undefined) {
      const since = clock.monotonic();
      const ending = await current.exited;
      current = undefined;
      if (stopping.signal.aborted) return;
      if (clock.monotonic() - since > SETTLED_MS) failures = 0;
      log.error(`${name} died (${ending}), starting it again`);
      while (current === undefined && !stopping.signal.aborted) await startAgain();
    }
  };
  const ended = watch();

  return {
    pid: () => current?.pid,
    signal: (signal) => current?.signal(signal),
    async stop(patienceMs) {
      stopping.abort();
      current?.signal("SIGTERM");
      const insist: Cancel = clock.after(patienceMs, () => current?.signal("SIGKILL"));
      await ended;
      insist();
    },
  };
}

/** Waits, but not longer than the signal lets it. */
async function pause(clock: Clock, ms: number, unwanted: AbortSignal): Promise<void> {
  if (unwanted.aborted) return;
  const aborted = Promise.withResolvers<void>();
  const end = (): void => aborted.resolve();
  unwanted.addEventListener("abort", end);
  await Promise.race([sleep(clock, ms), aborted.promise]);
  unwanted.removeEventListener("abort", end);
}
