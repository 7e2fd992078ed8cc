import { drainMicrotasks } from "bun:jsc";
import type { Cancel, Clock } from "../src/core/clock.ts";

interface Alarm {
  readonly at: number;
  /** Alarms of one moment go off in the order in which they were set. */
  readonly order: number;
  readonly run: () => void;
  /** Its place in the heap; -1: it went off or was cancelled. */
  place: number;
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
    const alarm: Alarm = { at: this.#elapsed + Math.max(0, ms), order: this.#set, run, place: -1 };
    this.#heap.push(alarm);
    this.#rise(alarm, this.#heap.length - 1);
    return () => this.#remove(alarm);
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
    drainMicrotasks();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > end) break;
      this.#remove(next);
      this.#elapsed = next.at;
      next.run();
      drainMicrotasks();
    }
    this.#elapsed = end;
  }

  /** Most alarms are cancelled before they go off: they leave at once, so that the heap stays small. */
  #remove(alarm: Alarm): void {
    const { place } = alarm;
    if (place < 0) return;
    alarm.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === alarm) return;
    this.#sink(last, place);
    if (last.place === place) this.#rise(last, place);
  }

  /** Puts it where it belongs, at a place or above. */
  #rise(alarm: Alarm, from: number): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(alarm, above)) break;
      heap[at] = above;
      above.place = at;
      at = parent;
    }
    heap[at] = alarm;
    alarm.place = at;
  }

  /** Puts it where it belongs, at a place or below. */
  #sink(alarm: Alarm, from: number): void {
    const heap = this.#heap;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      let least = heap[child];
      if (least === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, least)) {
        least = right;
        child += 1;
      }
      if (!isBefore(least, alarm)) break;
      heap[at] = least;
      least.place = at;
      at = child;
    }
    heap[at] = alarm;
    alarm.place = at;
  }
}

const isBefore = (a: Alarm, b: Alarm): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
