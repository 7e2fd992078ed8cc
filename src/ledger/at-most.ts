import type { Clock } from "../core/clock.ts";

/** Resolves with the work or after `ms`, whichever is first. */
export async function atMost(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  try {
    await Promise.race([work, promise]);
  } finally {
    cancel();
  }
}
