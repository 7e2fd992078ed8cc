import { type Clock, sleep } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Objects } from "./objects.ts";
import type { MediaRows } from "./rows.ts";

export interface UpkeepPorts {
  readonly rows: MediaRows;
  readonly objects: Objects;
  readonly clock: Clock;
  readonly log: Log;
}

export interface MediaUpkeep {
  /** One round: rows that have expired, then objects that nobody has any more. */
  round(): Promise<void>;
  /** Resolves when a round that runs has ended, or `CLOSE_MS` later: a store that hangs holds up no stop. */
  close(): Promise<void>;
}

const CLOSE_MS = 5_000;
const ROUND_MS = 60_000;
/** Of a round: 80 a second expire on every node. */
const ROWS = 5_000;
/** Of a round: each is a call of the store. */
const OBJECTS = 500;

/** Removes what has expired. All nodes do; no two take the same. */
export function startUpkeep({ rows, objects, clock, log }: UpkeepPorts): MediaUpkeep {
  let isClosed = false;
  let running: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    await rows.forgetExpired(ROWS);
    for (let swept = 0; swept < OBJECTS && !isClosed; swept++) {
      const isMore = await rows.sweepOne(async (hash, forms) => {
        for (const form of forms) await objects.remove(`${hash}.${form}`);
        await objects.remove(hash);
      });
      if (!isMore) return;
    }
  };
  const round = (): Promise<void> => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
  const failed = (thrown: unknown) =>
    log.warn("expired pictures could not be removed", { cause: String(thrown) });
  const stop = clock.every(ROUND_MS, () => void round().catch(failed));
  return {
    round,
    async close() {
      isClosed = true;
      stop();
      await Promise.race([running?.catch(failed), sleep(clock, CLOSE_MS)]);
    },
  };
}
