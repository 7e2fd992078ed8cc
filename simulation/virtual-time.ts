import { drainMicrotasks } from "bun:jsc";
import type { Cancel, Clock } from "../src/core/clock.ts";

interface Alarm {
  readonly at: number;
  /** Alarms of one moment go off in the order in which they were set. */
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/** Time that jumps from one alarm to the next: an hour takes as long as what happens in it. */
export class VirtualTime implements Clock {
  #elapsed = 0;
  #set = 0;
  readonly #heap: Alarm[] = [];

  now(): number {
    return Date.UTC(2026, 0, 1) + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, run: () => void): Cancel {
    this.#set += 1;
    const alarm: Alarm = { at: this.#elapsed + Math.max(0, ms), order: this.#set, run, isCancelled: false };
    this.#push(alarm);
    return () => {
      alarm.isCancelled = true;
    };
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  every(ms: number, run: () => void): Cancel {
    let cancel: Cancel = () => {};
    const again = (): void => {
      cancel = this.after(ms, () => {
        again();
        run();
      });
    };
    again();
    return () => cancel();
  }

  /** Lets so much time pass; everything that follows from an alarm happens before the next. */
  pass(ms: number): Promise<void> {
    // From a turn of the event loop of its own: promises can be settled to the last only outside of all of them.
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#run(this.#elapsed + ms);
        resolve();
      });
    });
  }

  #run(end: number): void {
    for (;;) {
      drainMicrotasks();
      const next = this.#heap[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      if (next.isCancelled) continue;
      this.#elapsed = next.at;
      next.run();
    }
    this.#elapsed = end;
  }

  #push(alarm: Alarm): void {
    const heap = this.#heap;
    let at = heap.push(alarm) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(alarm, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = alarm;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      let least = left;
      if (right !== undefined && isBefore(right, left)) {
        least = right;
        child += 1;
      }
      if (!isBefore(least, last)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Alarm, b: Alarm): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
