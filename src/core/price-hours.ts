import type { MeteredPrice, Price, Tariff, TimedPrice } from "./price.ts";

/** A part of the week, in UTC, in which a price of its own is in force; perhaps only from some day to another. */
export interface PriceHours {
  /** The days on which its hours begin, Sunday is 0. */
  readonly days: readonly number[];
  readonly hours: readonly HourRange[];
  /** Not before this day's begin, epoch milliseconds; absent: since ever. */
  readonly since?: number;
  /** Not from this moment on: the end of the last day; absent: for ever. */
  readonly until?: number;
}

/** Minutes of the day, from 0 to 1440, the end not included. `from` after `to` runs into the next day. */
export interface HourRange {
  readonly from: number;
  readonly to: number;
}

export interface PriceWindow extends PriceHours {
  /** Whole: what its hours do not change is in it as well. */
  readonly price: MeteredPrice;
}

/** Epoch milliseconds, both included. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

const MINUTE_MS = 60_000;
export const DAY_MINUTES = 1_440;
export const DAY_MS = DAY_MINUTES * MINUTE_MS;
/** The first of January 1970 was a Thursday. */
const FIRST_DAY = 4;
/** After a week nearly every window has been in force. */
const WEEK_MS = 7 * DAY_MS;

/** The price in force at a moment (epoch milliseconds); of windows that overlap, the first counts. */
export function tariffAt(price: Price, at: number): Tariff {
  if (price.kind !== "timed") return price;
  return windowAt(price, at)?.price ?? price.otherwise;
}

/** Undefined: the price outside of all windows is in force. */
export function windowAt(price: TimedPrice, at: number): PriceWindow | undefined {
  return price.windows.find((window) => holds(window, at));
}

/** Each price that is in force at some moment of the span; all there are when the span is not known. */
export function tariffsWithin(
  price: MeteredPrice | TimedPrice,
  span: Span | undefined,
): readonly MeteredPrice[] {
  if (price.kind === "metered") return [price];
  if (span === undefined || span.until - span.from >= WEEK_MS) {
    return [price.otherwise, ...price.windows.map((window) => window.price)];
  }
  const found = new Set<MeteredPrice>();
  for (let at = span.from; at <= span.until; at = nextChange(price, at)) {
    found.add(windowAt(price, at)?.price ?? price.otherwise);
  }
  return [...found];
}

function holds({ days, hours, since, until }: PriceHours, at: number): boolean {
  if (since !== undefined && at < since) return false;
  if (until !== undefined && at >= until) return false;
  const day = (Math.floor(at / DAY_MS) + FIRST_DAY) % 7;
  const minute = Math.floor((at % DAY_MS) / MINUTE_MS);
  const [beginsToday, beganYesterday] = [days.includes(day), days.includes((day + 6) % 7)];
  return hours.some(({ from, to }) => {
    if (from < to) return beginsToday && minute >= from && minute < to;
    return (beginsToday && minute >= from) || (beganYesterday && minute < to);
  });
}

/** The next moment after `at` at which a window begins or ends on some day, or the next day does. */
function nextChange({ windows }: TimedPrice, at: number): number {
  const day = at - (at % DAY_MS);
  let next = day + DAY_MS;
  const minutes = windows.flatMap(({ hours }) => hours.flatMap(({ from, to }) => [from, to]));
  for (const minute of minutes) {
    const change = day + minute * MINUTE_MS;
    if (change > at && change < next) next = change;
  }
  return next;
}
