import { describe, expect, test } from "bun:test";
import { micropointsOf } from "./points.ts";
import { costOf, type MeteredPrice, type TimedPrice } from "./price.ts";
import { largestCost } from "./price-bounds.ts";
import { tariffAt, tariffsWithin, windowAt } from "./price-hours.ts";
import { formatPriceHours, parsePriceHours } from "./price-hours-text.ts";
import { NO_USAGE } from "./usage.ts";

const rates = (amount: bigint): MeteredPrice => ({
  kind: "metered",
  input: micropointsOf(amount),
  output: micropointsOf(amount),
});

const at = (text: string, price: MeteredPrice) => {
  const hours = parsePriceHours(text);
  if (hours === undefined) throw new Error(text);
  return { ...hours, price };
};

const usual = rates(1_000_000n);
const peak = rates(2_000_000n);
const night = rates(3_000_000n);
/** DeepSeek's peak; and a night that runs over Saturday's end. */
const price: TimedPrice = {
  kind: "timed",
  otherwise: usual,
  windows: [at("mon-fri 01:00-04:00,06:00-10:00", peak), at("sat 22:00-02:00", night)],
};

describe("a price by hours", () => {
  // 2026-11-02 is a Monday.
  test.each([
    ["2026-11-02T00:59:59.999Z", usual],
    ["2026-11-02T01:00:00.000Z", peak],
    ["2026-11-02T03:59:59.999Z", peak],
    ["2026-11-02T04:00:00.000Z", usual],
    ["2026-11-02T06:00:00.000Z", peak],
    ["2026-11-06T09:59:59.999Z", peak],
    ["2026-11-06T10:00:00.000Z", usual],
    ["2026-11-07T07:00:00.000Z", usual],
    ["2026-11-07T22:00:00.000Z", night],
    ["2026-11-08T01:59:59.999Z", night],
    ["2026-11-08T02:00:00.000Z", usual],
    ["2026-11-08T22:00:00.000Z", usual],
    ["2026-11-07T01:00:00.000Z", usual],
  ])("is at %s the one that is in force then", (moment, tariff) => {
    expect(tariffAt(price, Date.parse(moment))).toBe(tariff);
    expect(windowAt(price, Date.parse(moment))?.price ?? usual).toBe(tariff);
  });

  test("is the first of two that are in force at once", () => {
    const both: TimedPrice = { ...price, windows: [at("00:00-24:00", peak), at("sun", night)] };
    expect(tariffAt(both, Date.parse("2026-11-08T12:00:00Z"))).toBe(peak);
  });

  test.each([
    ["2026-11-02T00:30:00Z", "2026-11-02T00:59:59Z", [usual]],
    ["2026-11-02T00:30:00Z", "2026-11-02T01:00:00Z", [usual, peak]],
    ["2026-11-02T01:00:00Z", "2026-11-02T03:00:00Z", [peak]],
    ["2026-11-06T12:00:00Z", "2026-11-07T12:00:00Z", [usual]],
    ["2026-11-07T12:00:00Z", "2026-11-07T22:00:00Z", [usual, night]],
    ["2026-11-02T03:00:00Z", "2026-11-03T02:00:00Z", [peak, usual]],
  ])("between %s and %s is one of those that come into force", (from, until, tariffs) => {
    expect(tariffsWithin(price, { from: Date.parse(from), until: Date.parse(until) })).toEqual(tariffs);
  });

  test("at an unknown time, or within a week, is any of them", () => {
    expect(tariffsWithin(price, undefined)).toEqual([usual, peak, night]);
    expect(tariffsWithin(price, { from: 0, until: 7 * 86_400_000 })).toEqual([usual, peak, night]);
  });

  test("changes on the day that it says", () => {
    const announced: TimedPrice = { ...price, windows: [at("since 2027-01-01", night)] };
    const year = Date.parse("2027-01-01T00:00:00Z");
    expect([year - 1, year].map((moment) => tariffAt(announced, moment))).toEqual([usual, night]);
    expect(tariffsWithin(announced, { from: year - 60_000, until: year })).toEqual([usual, night]);
  });

  test("of some days goes before the rest of the week: a holiday has no peak", () => {
    const days = at("since 2026-11-02 until 2026-11-03", usual);
    const holiday: TimedPrice = { ...price, windows: [days, ...price.windows] };
    const peaks = [1, 2, 3, 4].map((day) => tariffAt(holiday, Date.parse(`2026-11-0${day}T02:00:00Z`)));
    expect(peaks).toEqual([usual, usual, usual, peak]);
    const end = Date.parse("2026-11-04T01:00:00Z");
    expect(tariffsWithin(holiday, { from: end - 7_200_000, until: end })).toEqual([usual, peak]);
  });

  test("is held for by the dearest that may come into force while the request waits", () => {
    const from = Date.parse("2026-11-02T00:55:00Z");
    expect(largestCost(price, 10, 10, { span: { from, until: from + 60_000 } })).toBe(micropointsOf(20n));
    expect(largestCost(price, 10, 10, { span: { from, until: from + 600_000 } })).toBe(micropointsOf(40n));
    expect(costOf(tariffAt(price, from), { ...NO_USAGE, input: 10 })).toBe(micropointsOf(10n));
  });
});

describe("hours in words", () => {
  test.each([
    ["mon-fri 01:00-04:00,06:00-10:00", "mon,tue,wed,thu,fri 01:00-04:00,06:00-10:00"],
    ["22:00-06:00", "22:00-06:00"],
    ["Sat,Sun", "sun,sat 00:00-24:00"],
    ["fri-mon 00:00-24:00", "sun,mon,fri,sat 00:00-24:00"],
    ["sun-sat", "00:00-24:00"],
    ["wed 23:30-00:00", "wed 23:30-00:00"],
    ["since 2027-01-01", "since 2027-01-01 00:00-24:00"],
    ["since 2026-10-01 until 2026-10-07", "since 2026-10-01 until 2026-10-07 00:00-24:00"],
    ["until 2026-12-31 mon 01:00-02:00", "until 2026-12-31 mon 01:00-02:00"],
    ["since 2027-01-01 sat,sun 01:00-02:00", "since 2027-01-01 sun,sat 01:00-02:00"],
  ])("%p are %p", (text, form) => {
    const hours = parsePriceHours(text);
    expect(hours).toBeDefined();
    if (hours === undefined) return;
    expect(formatPriceHours(hours)).toBe(form);
    expect(parsePriceHours(form)).toEqual(hours);
  });

  test.each([
    ...["", "never", "mon-", "mon-tue-wed", "mon 1:00-2:00", "25:00-26:00", "01:60-02:00", "01:00-01:00"],
    ...["24:00-01:00", "01:00", "mon 01:00-02:00 tue", "mon,", "01:00-02:00,", "mon-fri, 01:00-02:00"],
    ...["since", "since tomorrow", "since 2027-02-30", "since 2027-13-01 mon", "mon since 2027-01-01"],
    ...[
      "until",
      "until 2026-13-01",
      "since 2026-10-07 until 2026-10-01",
      "until 2026-10-07 since 2026-10-01",
    ],
  ])("%p are none", (text) => {
    expect(parsePriceHours(text)).toBeUndefined();
  });
});
