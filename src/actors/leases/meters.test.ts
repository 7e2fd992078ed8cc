import { describe, expect, test } from "bun:test";
import { RateMeter } from "./rate-meter.ts";
import { SpendMeter } from "./spend-meter.ts";

describe("a rate meter", () => {
  test("follows a steady rate, and a rate that ends", () => {
    const meter = new RateMeter(0);
    for (let now = 0; now < 20_000; now += 10) meter.add(5, now);
    expect(meter.rate(20_000)).toBeGreaterThan(490);
    expect(meter.rate(20_000)).toBeLessThan(510);
    expect(meter.rate(40_000)).toBeLessThan(1);
  });

  test("is not disturbed by a clock that stands still", () => {
    const meter = new RateMeter(100);
    meter.add(1, 100);
    meter.add(1, 50);
    expect(meter.rate(100)).toBeCloseTo(1, 6);
  });
});

describe("a spend meter", () => {
  test("wants many times the first need before it has measured anything", () => {
    const meter = new SpendMeter(0);
    expect(meter.want(10n, 0)).toBe(160n);
    expect(meter.lowWater(0)).toBe(0n);
  });

  test("wants four seconds of a fast spender, and refills below one", () => {
    const meter = new SpendMeter(0);
    for (let now = 0; now < 20_000; now += 1) {
      meter.held(1_000n, now);
      meter.used(1_000n, now);
    }
    expect(Number(meter.want(0n, 20_000))).toBeWithin(3_900_000, 4_100_000);
    expect(Number(meter.lowWater(20_000))).toBeWithin(950_000, 1_050_000);
  });

  test("wants four hundred requests of a slow one", () => {
    const meter = new SpendMeter(0);
    for (let now = 0; now < 60_000; now += 1_000) meter.used(1_000n, now);
    expect(meter.want(0n, 60_000)).toBe(400_000n);
  });

  test("keeps a quarter second of holds at hand where holds are much larger than costs", () => {
    const meter = new SpendMeter(0);
    for (let now = 0; now < 20_000; now += 10) {
      meter.held(100_000n, now);
      meter.used(100n, now);
    }
    expect(Number(meter.lowWater(20_000))).toBeWithin(2_400_000, 2_600_000);
  });
});
