import { DAY_MINUTES, DAY_MS, type HourRange, type PriceHours } from "./price-hours.ts";

/**
 * Hours of the week in one line: `mon-fri 01:00-04:00,06:00-10:00`, `22:00-06:00` (every day), `sat,sun` (all day). In
 * front of them, or alone, the days from which and to which they are: `since 2026-10-01 until 2026-10-07`.
 */
export const PRICE_HOURS_FORM = "such as `mon-fri 01:00-04:00,06:00-10:00` (UTC)";

const DAYS: readonly string[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6] as const;
const SPAN = /^(?:since (\d{4}-\d\d-\d\d))? ?(?:until (\d{4}-\d\d-\d\d))? *(.*)$/;
const ALL_DAY: HourRange = { from: 0, to: DAY_MINUTES };

/** Undefined when the text is of another form. */
export function parsePriceHours(text: string): PriceHours | undefined {
  const [, from, to, rest = ""] = SPAN.exec(text.trim()) ?? [];
  const since = from === undefined ? undefined : dayOf(from);
  const until = to === undefined ? undefined : dayOf(to);
  const isWrong = (from !== undefined && since === undefined) || (to !== undefined && until === undefined);
  if (isWrong || (since !== undefined && until !== undefined && until < since)) return undefined;
  const hasSpan = from !== undefined || to !== undefined;
  const hours = hasSpan && rest === "" ? { days: EVERY_DAY, hours: [ALL_DAY] } : parseHours(rest);
  if (hours === undefined) return undefined;
  return {
    ...hours,
    ...(since === undefined ? {} : { since }),
    // The last day is in it.
    ...(until === undefined ? {} : { until: until + DAY_MS }),
  };
}

/** The begin of a day, epoch milliseconds. The thirtieth of February would be read as a day of March. */
function dayOf(text: string): number | undefined {
  const at = Date.parse(text);
  return Number.isNaN(at) || dateText(at) !== text ? undefined : at;
}

const dateText = (at: number): string => new Date(at).toISOString().slice(0, 10);

function parseHours(text: string): PriceHours | undefined {
  const words = text.trim().split(/\s+/);
  const [first = "", second] = words;
  if (words.length > 2) return undefined;
  if (second === undefined && first.includes(":")) return hoursOn(EVERY_DAY, first);
  const days = daysOf(first);
  if (days === undefined) return undefined;
  return second === undefined ? { days, hours: [ALL_DAY] } : hoursOn(days, second);
}

/** The one form of the same hours: two prices that mean the same have the same name. */
export function formatPriceHours({ days, hours, since, until }: PriceHours): string {
  const words = [hours.map(({ from, to }) => `${clockTime(from)}-${clockTime(to)}`).join(",")];
  if (days.length < EVERY_DAY.length)
    words.unshift(
      [...days]
        .sort()
        .map((day) => DAYS[day])
        .join(","),
    );
  if (until !== undefined) words.unshift(`until ${dateText(until - DAY_MS)}`);
  if (since !== undefined) words.unshift(`since ${dateText(since)}`);
  return words.join(" ");
}

function hoursOn(days: readonly number[], text: string): PriceHours | undefined {
  const hours = text.split(",").map(rangeOf);
  const known = hours.filter((range) => range !== undefined);
  return known.length === hours.length ? { days, hours: known } : undefined;
}

function rangeOf(text: string): HourRange | undefined {
  const [, from = "", to = ""] = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? [];
  const [begin, end] = [minuteOf(from), minuteOf(to)];
  if (begin === undefined || end === undefined || begin === end || begin === DAY_MINUTES) return undefined;
  return { from: begin, to: end };
}

function minuteOf(text: string): number | undefined {
  const [hour = Number.NaN, minute = Number.NaN] = text.split(":").map(Number);
  const all = hour * 60 + minute;
  return minute < 60 && all <= DAY_MINUTES ? all : undefined;
}

/** `mon-fri` may run over the week's end: `fri-mon`. */
function daysOf(text: string): readonly number[] | undefined {
  const days = new Set<number>();
  for (const part of text.toLowerCase().split(",")) {
    const [from = "", to = from, ...more] = part.split("-");
    const first = DAYS.indexOf(from);
    const last = DAYS.indexOf(to);
    if (first < 0 || last < 0 || more.length > 0) return undefined;
    for (let day = first; ; day = (day + 1) % DAYS.length) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort();
}

const clockTime = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
