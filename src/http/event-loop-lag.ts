import type { Cancel, Clock } from "../core/clock.ts";

const EVERY_MS = 500;
/** The last ten seconds: a scrape every 15 s sees most of what happened, and two scrapers see the same. */
const SAMPLES = 20;

/** How late timers of this process run. */
export interface EventLoopLag {
  /** The worst of the last ten seconds, in seconds. */
  worst(): number;
  close: Cancel;
}

/** Watches until it is closed. */
export function watchEventLoop(clock: Clock): EventLoopLag {
  const samples = new Float64Array(SAMPLES);
  let next = 0;
  let expected = clock.monotonic() + EVERY_MS;
  const close = clock.every(EVERY_MS, () => {
    const now = clock.monotonic();
    samples[next] = Math.max(0, now - expected) / 1_000;
    next = (next + 1) % SAMPLES;
    expected = now + EVERY_MS;
  });
  return { worst: () => Math.max(...samples), close };
}
