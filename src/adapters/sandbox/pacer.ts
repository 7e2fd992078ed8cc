import type { Cancel, Clock } from "../../core/clock.ts";

/** How often running streams are looked after: one timer for all of them, whatever their number. */
const TICK_MS = 10;

/** Lets many things move with time on one timer, which only runs while there is something to move. */
export interface Pacer {
  /** Calls `step` with the monotonic time at each tick, until it answers true or the returned function is called. */
  run(step: (nowMs: number) => boolean): Cancel;
}

export function createPacer(clock: Clock): Pacer {
  const steps = new Set<(nowMs: number) => boolean>();
  let stop: Cancel | undefined;

  function tick(): void {
    const now = clock.monotonic();
    for (const step of steps) if (step(now)) remove(step);
  }

  function remove(step: (nowMs: number) => boolean): void {
    steps.delete(step);
    if (steps.size > 0) return;
    stop?.();
    stop = undefined;
  }

  return {
    run(step) {
      steps.add(step);
      stop ??= clock.every(TICK_MS, tick);
      return () => remove(step);
    },
  };
}
