import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../core/random.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { Breaker } from "./breaker.ts";
import { CoolDowns } from "./cool-downs.ts";
import { HealthWindow } from "./health-window.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { SmoothedMean } from "./smoothed-mean.ts";

const success = { successes: 1, failures: 0, trailing: 0, slow: 0 };
const failure = { successes: 0, failures: 1, trailing: 1, slow: 0 };

describe("a breaker", () => {
  const opened = (): Breaker => {
    const breaker = new Breaker();
    for (let times = 0; times < 5; times += 1) breaker.record(failure, 0);
    return breaker;
  };

  test("opens after five failures in a row, whatever the ratio", () => {
    const breaker = new Breaker();
    for (let times = 0; times < 100; times += 1) breaker.record(success, 0);
    for (let times = 0; times < 4; times += 1) breaker.record(failure, 0);
    expect(breaker.state(0)).toBe("closed");
    breaker.record(success, 0);
    for (let times = 0; times < 4; times += 1) breaker.record(failure, 0);
    expect(breaker.state(0)).toBe("closed");
    breaker.record(failure, 0);
    expect(breaker.state(0)).toBe("open");
    expect(breaker.begin(0)).toBe(false);
  });

  test("opens when half of at least ten requests within ten seconds failed", () => {
    const breaker = new Breaker();
    for (let pair = 0; pair < 4; pair += 1) {
      breaker.record(failure, pair);
      breaker.record(success, pair);
    }
    expect(breaker.state(4)).toBe("closed");
    breaker.record(success, 5);
    breaker.record(failure, 6);
    expect(breaker.state(6)).toBe("open");
  });

  test("forgets failures after ten seconds", () => {
    const breaker = new Breaker();
    for (let second = 0; second < 100; second += 11) {
      for (let times = 0; times < 4; times += 1) breaker.record(failure, second * 1_000);
      for (let times = 0; times < 5; times += 1) breaker.record(success, second * 1_000);
    }
    expect(breaker.state(100_000)).toBe("closed");
  });

  test("opens when most answers are slow", () => {
    const breaker = new Breaker();
    for (let times = 0; times < 9; times += 1) breaker.record({ ...success, slow: 1 }, 0);
    expect(breaker.state(0)).toBe("closed");
    breaker.record({ ...success, slow: 1 }, 0);
    expect(breaker.state(0)).toBe("open");
  });

  test("lets one probe at a time through after a while, and closes after two that succeed", () => {
    const breaker = opened();
    expect(breaker.state(4_999)).toBe("open");
    expect(breaker.state(5_000)).toBe("half_open");
    expect([breaker.begin(5_000), breaker.begin(5_000)]).toEqual([true, false]);
    breaker.record(success, 5_100);
    expect(breaker.state(5_100)).toBe("half_open");
    expect(breaker.begin(5_100)).toBe(true);
    breaker.record(success, 5_200);
    expect(breaker.state(5_200)).toBe("closed");
    // What went wrong before is forgotten.
    breaker.record(failure, 5_300);
    expect(breaker.state(5_300)).toBe("closed");
  });

  test("stays open twice as long each time that a probe fails, up to a minute", () => {
    const breaker = opened();
    let now = 0;
    const waits: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const wait = breaker.changesAt - now;
      waits.push(wait);
      now += wait;
      expect(breaker.begin(now)).toBe(true);
      breaker.record(failure, now);
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  test("is not judged by requests that began before it opened", () => {
    const breaker = opened();
    breaker.record(success, 100);
    breaker.record(success, 200);
    expect(breaker.state(200)).toBe("open");
  });

  test("lets another probe through when one said nothing, or was never heard of again", () => {
    const breaker = opened();
    expect(breaker.begin(5_000)).toBe(true);
    breaker.recordNothing();
    expect(breaker.begin(5_001)).toBe(true);
    expect(breaker.begin(5_002)).toBe(false);
    expect(breaker.begin(65_002)).toBe(true);
  });
});

describe("a window", () => {
  test("counts the last ten seconds and nothing older", () => {
    const random = seededRandom(5);
    const window = new HealthWindow();
    const events: number[] = [];
    let now = 0;
    for (let step = 0; step < 2_000; step += 1) {
      now += random.next() < 0.01 ? 30_000 * random.next() : 300 * random.next();
      window.add(1, step % 2, 0, now);
      events.push(Math.floor(now / 1_000));
      const second = Math.floor(now / 1_000);
      const recent = events.filter((at) => at > second - 10).length;
      expect(window.counts(now).requests).toBe(recent);
    }
  });
});

describe("a latency histogram", () => {
  test("knows quantiles within a sixth", () => {
    const random = seededRandom(11);
    const histogram = new LatencyHistogram(0);
    const samples = Array.from({ length: 5_000 }, () => Math.exp(3 + random.next() * 6));
    for (const sample of samples) histogram.add(sample, 0);
    samples.sort((a, b) => a - b);
    for (const share of [0.5, 0.9, 0.95]) {
      const exact = samples[Math.floor(samples.length * share)] ?? 0;
      const told = histogram.quantile(share, 0) ?? 0;
      expect(Math.abs(told / exact - 1)).toBeLessThan(1 / 6);
    }
  });

  test("says nothing without samples, and forgets old ones", () => {
    const histogram = new LatencyHistogram(0);
    expect(histogram.quantile(0.5, 0)).toBeUndefined();
    for (let times = 0; times < 100; times += 1) histogram.add(10_000, 0);
    for (let times = 0; times < 30; times += 1) histogram.add(100, 120_000);
    expect(histogram.quantile(0.5, 120_000)).toBeLessThan(120);
    expect(histogram.quantile(0.5, 3_600_000)).toBeUndefined();
  });

  test("bears any number", () => {
    const histogram = new LatencyHistogram(0);
    for (const odd of [0, -5, Number.NaN, Number.POSITIVE_INFINITY, 1e12]) histogram.add(odd, 0);
    expect(histogram.quantile(0.1, 0)).toBe(9);
    histogram.addTo(1_000, 1, 0);
    histogram.addTo(-3, 1, 0);
    expect(histogram.quantile(1, 0)).toBeGreaterThan(100_000);
  });
});

describe("cool-downs", () => {
  const fault = (of: VendorFailure["fault"], retryAfterMs?: number): VendorFailure => ({
    fault: of,
    code: "vendor_unavailable",
    status: 429,
    message: "",
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });

  test("set a refused key aside for longer each time, up to a quarter of an hour", () => {
    const keys = new CoolDowns();
    const waits: number[] = [];
    let now = 0;
    for (let times = 0; times < 6; times += 1) {
      const ms = keys.failed("k", fault("key"), now);
      waits.push(ms);
      expect(keys.cooling(now + ms - 1).has("k")).toBe(true);
      now += ms;
      expect(keys.cooling(now).has("k")).toBe(false);
    }
    expect(waits).toEqual([60_000, 120_000, 240_000, 480_000, 900_000, 900_000]);
    keys.succeeded("k");
    expect(keys.failed("k", fault("key"), now)).toBe(60_000);
  });

  test("many requests that fail at once with one key are one strike", () => {
    const keys = new CoolDowns();
    for (let times = 0; times < 100; times += 1) keys.failed("k", fault("account"), 0);
    expect(keys.failed("k", fault("account"), 1_000)).toBe(2_000);
  });

  test("honour what the vendor asks for, within reason", () => {
    const keys = new CoolDowns();
    expect(keys.failed("a", fault("account", 7_000), 0)).toBe(7_000);
    expect(keys.failed("b", fault("account", 1_849_295_000), 0)).toBe(60_000);
  });

  test("are not for faults of the vendor, the request or the configuration", () => {
    const keys = new CoolDowns();
    for (const of of ["vendor", "request", "config"] as const) expect(keys.failed("k", fault(of), 0)).toBe(0);
    expect(keys.cooling(0).size).toBe(0);
  });

  test("answer the same set as long as nothing changes", () => {
    const keys = new CoolDowns();
    keys.failed("a", fault("account", 1_000), 0);
    keys.failed("b", fault("account", 2_000), 0);
    const both = keys.cooling(10);
    expect(keys.cooling(999)).toBe(both);
    expect([...keys.cooling(1_000)]).toEqual(["b"]);
    expect(keys.changesAt).toBe(2_000);
  });
});

test("a smoothed mean follows its samples", () => {
  const mean = new SmoothedMean();
  expect(mean.value).toBeUndefined();
  mean.add(100);
  expect(mean.value).toBe(100);
  for (let times = 0; times < 100; times += 1) mean.add(200);
  expect(mean.value).toBeCloseTo(200, 0);
});
