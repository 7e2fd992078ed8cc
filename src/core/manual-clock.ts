import type { Cancel, Clock } from "./clock.ts";

interface Alarm {
  at: number;
  readonly run: () => void;
  readonly every: number | undefined;
}

/** A clock that stands still until it is told to move: for tests and the simulator. */
export class ManualClock implements Clock {
  #elapsed = 0;
  readonly #alarms = new Set<Alarm>();

  constructor(readonly epoch = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.epoch + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, run: () => void): Cancel {
    return this.#set({ at: this.#elapsed + ms, run, every: undefined });
  }

  /** As soon as time moves, be it by nothing. */
  soon(run: () => void): void {
    this.#set({ at: this.#elapsed, run, every: undefined });
  }

  every(ms: number, run: () => void): Cancel {
    return this.#set({ at: this.#elapsed + ms, run, every: ms });
  }

  /** Moves time forward, running what falls due in order. Lets promises settle between alarms. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    for (;;) {
      const due = this.#next(end);
      if (due === undefined) break;
      this.#elapsed = Math.max(this.#elapsed, due.at);
      if (due.every === undefined) this.#alarms.delete(due);
      else due.at += due.every;
      due.run();
      await Promise.resolve();
    }
    this.#elapsed = end;
    await Promise.resolve();
  }

  #next(end: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.at <= end && (first === undefined || alarm.at < first.at)) first = alarm;
    }
    return first;
  }

  #set(alarm: Alarm): Cancel {
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }
}
