/** Time, passed in everywhere so that a simulator can be the world. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. For records and expiry dates; never for measuring. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary start. For deadlines, rates and latencies. */
  monotonic(): number;
  /** Runs once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): Cancel;
  /** Runs once after what the event loop has at hand now: what many do in one turn can be done together. */
  soon(run: () => void): void;
  /** Runs every `ms` until cancelled. */
  every(ms: number, run: () => void): Cancel;
}
export type Cancel = () => void;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  soon(run) {
    setImmediate(run);
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
};

/** Resolves after `ms` of the given clock. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
