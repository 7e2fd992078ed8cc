import type { Random } from "../core/random.ts";

/** When a message that was not taken is sent again. */

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** After the first attempt, the second, …; from then on the last. */
const WAITS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR];
/** From when it was made: a server that was away for a day has been given up by its own people. */
export const TRIED_FOR_MS = 24 * HOUR;
/** A part of each wait by which it is longer or shorter, so that what failed together does not come back together. */
const JITTER = 0.2;

/** Milliseconds until the next attempt. @param asked by the receiver (`retry-after`), honoured up to an hour */
export function waitAfter(attempts: number, random: Random, asked = 0): number {
  const usual = WAITS[Math.min(attempts, WAITS.length) - 1] ?? HOUR;
  const spread = usual * (1 - JITTER + 2 * JITTER * random.next());
  return Math.round(Math.max(spread, Math.min(asked, HOUR)));
}
