import { parseDuration } from "./durations.ts";
import { STREAM_DETACH_MOST_MS } from "./limits.ts";

export const DETACH_FORMS =
  "a length of time such as '30s' or '500ms', a number of milliseconds or 0, and at most 10 minutes";

/** How long a resumable stream goes on without a reader, in whole milliseconds; undefined when it says nothing of the kind. */
export function parseDetach(value: unknown): number | undefined {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) : parseDuration(text);
  return ms !== undefined && ms <= STREAM_DETACH_MOST_MS ? ms : undefined;
}
