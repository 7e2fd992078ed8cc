import { describe, expect, test } from "bun:test";
import { formatPoints, micropointsOf, parsePoints } from "./points.ts";
import { seededRandom } from "./random.ts";

describe("points", () => {
  test.each([
    ["12.5", 12_500_000n],
    ["0", 0n],
    ["0.000001", 1n],
    ["-3.25", -3_250_000n],
    ["999999999999.999999", 999_999_999_999_999_999n],
  ])("reads %s exactly", (text, amount) => {
    expect(parsePoints(text)).toBe(micropointsOf(amount));
    expect(formatPoints(micropointsOf(amount))).toBe(text);
  });

  test.each(["", "1.", ".5", "1e3", "0x10", "1,5", "1.0000001", "NaN", " 1", "1234567890123"])(
    "refuses %p",
    (text) => {
      expect(parsePoints(text)).toBeUndefined();
    },
  );

  test("reads a number as it is written, never through binary fractions", () => {
    expect(parsePoints(0.1)).toBe(micropointsOf(100_000n));
    expect(parsePoints(2)).toBe(micropointsOf(2_000_000n));
    expect(parsePoints(0.000001)).toBe(micropointsOf(1n));
    expect(parsePoints(Number.NaN)).toBeUndefined();
    expect(parsePoints(Number.POSITIVE_INFINITY)).toBeUndefined();
    expect(parsePoints(null)).toBeUndefined();
  });

  test("writes amounts of every size as they are read, also around those that floats hold", () => {
    const random = seededRandom(3);
    for (let tries = 0; tries < 20_000; tries += 1) {
      const near = 10n ** BigInt(Math.floor(random.next() * 18)) * (random.next() < 0.5 ? 1n : -1n);
      const amount = micropointsOf(near + BigInt(Math.floor(random.next() * 2_000_000) - 1_000_000));
      const text = formatPoints(amount);
      expect(parsePoints(text)).toBe(amount);
      expect(text).toMatch(/^-?(0|[1-9]\d*)(\.\d*[1-9])?$/);
    }
  });

  test("writes the shortest exact decimal", () => {
    expect(formatPoints(micropointsOf(1_500_000n))).toBe("1.5");
    expect(formatPoints(micropointsOf(-1n))).toBe("-0.000001");
  });
});
