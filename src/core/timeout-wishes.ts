import type { Timeouts } from "./catalog.ts";
import { parseDuration } from "./durations.ts";

/**
 * How long a client is willing to wait. What is longer than the operator's clock changes nothing; `totalMs` counts from
 * the first vendor's call, over all that are tried, the others for each of them.
 */
export type TimeoutWishes = Partial<Timeouts>;

/** The clocks, by the names that clients give them. */
export const CLOCKS = {
  connect: "connectMs",
  "first-token": "firstTokenMs",
  idle: "idleMs",
  total: "totalMs",
} as const satisfies Readonly<Record<string, keyof Timeouts>>;

export const TIMEOUT_FORMS =
  "a length of time such as '2s', '500ms' or a number of milliseconds, and more than nothing";

/** Whole milliseconds; undefined when it is no length of time, or none at all. */
export function parseTimeout(value: unknown): number | undefined {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) : parseDuration(text);
  return ms !== undefined && ms > 0 && Number.isSafeInteger(ms) ? ms : undefined;
}

/** The operator's clocks with those that the client wants shorter. `elapsedMs` of the request are over. */
export function shortened(own: Timeouts, wishes: TimeoutWishes | undefined, elapsedMs: number): Timeouts {
  if (wishes === undefined) return own;
  const { connectMs, firstTokenMs, idleMs, totalMs } = wishes;
  return {
    connectMs: Math.min(own.connectMs, connectMs ?? own.connectMs),
    firstTokenMs: Math.min(own.firstTokenMs, firstTokenMs ?? own.firstTokenMs),
    idleMs: Math.min(own.idleMs, idleMs ?? own.idleMs),
    totalMs: totalMs === undefined ? own.totalMs : Math.min(own.totalMs, Math.max(0, totalMs - elapsedMs)),
  };
}
