import type { Cancel, Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { TaskId } from "../../core/ids.ts";
import type { TaskEvent, TaskLedger } from "../../ledger/tasks.ts";

/** Readers of tasks' events on one node: each waits for one answer at a time. */
const MOST_READERS = 2_000;
/** How late a reader hears of what another node has written. */
const LOOK_MS = 1_000;
/** Events read at a time. */
const MOST_EVENTS = 100;

export interface FeedPorts {
  readonly ledger: Pick<TaskLedger, "events" | "lastEvents">;
  readonly clock: Clock;
}

/** A reader of one task's events. */
export interface TaskReader {
  /** The next events, at least one; waits for them. Rejects when the feed is closed. */
  next(): Promise<readonly TaskEvent[]>;
  close(): void;
}

interface Watched {
  /** Of the readers that wait. */
  readonly wakes: Set<() => void>;
  readers: number;
  /** The last event that was read. */
  seen: number;
}

/**
 * Events of tasks for whoever reads them, on any node: what happens here is told at once, what other nodes write is
 * looked for once a second, for all readers in one question.
 */
export class TaskFeed {
  readonly #watched = new Map<TaskId, Watched>();
  #readers = 0;
  #stop: Cancel | undefined;
  #isClosed = false;
  #isLooking = false;

  constructor(readonly ports: FeedPorts) {}

  get readers(): number {
    return this.#readers;
  }

  /** @throws SluiceError `overloaded` when there are as many readers as there may be */
  read(id: TaskId, after: number): TaskReader {
    if (this.#readers >= MOST_READERS || this.#isClosed) {
      throw new SluiceError("overloaded", "Too many readers of tasks on this node.", { retryAfterMs: 1_000 });
    }
    this.#readers += 1;
    this.#stop ??= this.ports.clock.every(LOOK_MS, () => void this.#look());
    const watched = this.#watched.get(id) ?? { wakes: new Set(), readers: 0, seen: 0 };
    watched.readers += 1;
    this.#watched.set(id, watched);
    let at = after;
    let isClosed = false;
    let wake: (() => void) | undefined;
    return {
      next: async () => {
        for (;;) {
          const told = new Promise<void>((resolve) => {
            wake = resolve;
          });
          if (wake !== undefined) watched.wakes.add(wake);
          try {
            const events = await this.ports.ledger.events(id, at, MOST_EVENTS);
            const last = events.at(-1);
            if (last !== undefined) {
              at = last.seq;
              watched.seen = Math.max(watched.seen, at);
              return events;
            }
            if (isClosed || this.#isClosed) throw new SluiceError("overloaded", "This node is stopping.");
            await told;
          } finally {
            if (wake !== undefined) watched.wakes.delete(wake);
          }
          if (isClosed) return [];
        }
      },
      close: () => {
        if (isClosed) return;
        isClosed = true;
        this.#readers -= 1;
        wake?.();
        if (wake !== undefined) watched.wakes.delete(wake);
        watched.readers -= 1;
        if (watched.readers === 0) this.#watched.delete(id);
        if (this.#readers === 0) {
          this.#stop?.();
          this.#stop = undefined;
        }
      },
    };
  }

  /** A task has new events. */
  told(id: TaskId): void {
    for (const wake of this.#watched.get(id)?.wakes ?? []) wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#stop?.();
    for (const id of this.#watched.keys()) this.told(id);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const last = await this.ports.ledger.lastEvents([...this.#watched.keys()]);
      for (const [id, watched] of this.#watched) {
        if ((last.get(id) ?? 0) > watched.seen) this.told(id);
      }
    } catch {
      // The ledger is away: looked at again in a second.
    } finally {
      this.#isLooking = false;
    }
  }
}
