/**
 * How long a vendor asks to be left alone, in milliseconds, not yet capped. In the order of their precision:
 * `retry-after-ms`, `retry-after` (seconds or a date), then OpenAI's "Please try again in 1.2s." in the message.
 * A date is measured from the answer's own `date` header, so no clock is needed and the vendor's error in
 * time does not matter.
 */
export function retryAfterMs(headers: Headers, message = ""): number | undefined {
  const inMs = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(inMs) && inMs >= 0) return Math.ceil(inMs);
  const header = headers.get("retry-after")?.trim();
  if (header !== undefined && header !== "") return secondsOrDate(header, headers.get("date"));
  const words = /try again in ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)/i.exec(message)?.[1];
  return words === undefined ? undefined : durationMs(words);
}

function secondsOrDate(value: string, date: string | null): number | undefined {
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds < 0 ? undefined : Math.ceil(seconds * 1000);
  const until = Date.parse(value);
  const from = Date.parse(date ?? "");
  return Number.isNaN(until) || Number.isNaN(from) ? undefined : Math.max(0, until - from);
}

const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

/** Go's durations: `6m0s`, `120ms`, `1.2s`. */
export function durationMs(text: string): number | undefined {
  let total: number | undefined;
  for (const [, amount, unit] of text.toLowerCase().matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)) {
    if (unit === "ms" || unit === "h" || unit === "m" || unit === "s") {
      total = (total ?? 0) + Number(amount) * UNIT_MS[unit];
    }
  }
  return total === undefined ? undefined : Math.ceil(total);
}
