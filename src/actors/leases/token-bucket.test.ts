import { expect, test } from "bun:test";
import { seededRandom } from "../../core/random.ts";
import { type Bucket, fullMs, refill, takeTokens, waitMs } from "./token-bucket.ts";

const rate = { qps: 10, burst: 5 };
const full = (): Bucket => ({ tokens: 5, at: 0 });

test("gives its burst at once, then as fast as it fills", () => {
  const bucket = full();
  const taken = Array.from({ length: 7 }, () => takeTokens(bucket, rate, 0));
  expect(taken).toEqual([true, true, true, true, true, false, false]);
  expect(takeTokens(bucket, rate, 99)).toBe(false);
  expect(takeTokens(bucket, rate, 100)).toBe(true);
  expect(takeTokens(bucket, rate, 100)).toBe(false);
});

test("never holds more than its burst", () => {
  const bucket = full();
  refill(bucket, rate, 3_600_000);
  expect(bucket.tokens).toBe(5);
});

test("a clock that goes back gives nothing and loses nothing", () => {
  const bucket: Bucket = { tokens: 1, at: 1_000 };
  refill(bucket, rate, 500);
  expect(bucket).toEqual({ tokens: 1, at: 1_000 });
});

test("says when the next token will be there, and when it is full", () => {
  const bucket: Bucket = { tokens: 0.5, at: 0 };
  expect(waitMs(bucket, rate)).toBe(50);
  expect(waitMs(bucket, rate, 3)).toBe(250);
  expect(waitMs(bucket, rate, 6)).toBe(Number.POSITIVE_INFINITY);
  expect(fullMs(bucket, rate)).toBe(450);
  expect(waitMs({ tokens: 1, at: 0 }, rate)).toBe(0);
  expect(waitMs({ tokens: 0, at: 0 }, { qps: 0, burst: 5 })).toBe(Number.POSITIVE_INFINITY);
});

test("after the wait that it names, a token is there", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 1_000; round += 1) {
    const odd = { qps: 0.1 + random.next() * 100, burst: 1 + random.next() * 10 };
    const bucket: Bucket = { tokens: random.next(), at: 0 };
    expect(takeTokens(bucket, odd, waitMs(bucket, odd))).toBe(true);
  }
});

test("admits no more than burst + rate × window in any window", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 50; round += 1) {
    const odd = { qps: 1 + random.next() * 50, burst: 1 + Math.floor(random.next() * 20) };
    const bucket: Bucket = { tokens: odd.burst, at: 0 };
    const admitted: number[] = [];
    for (let now = 0; now < 5_000; now += random.next() * 20) {
      if (takeTokens(bucket, odd, now)) admitted.push(now);
    }
    for (let from = 0; from < admitted.length; from += 1) {
      for (let to = from; to < admitted.length; to += 1) {
        const window = ((admitted[to] ?? 0) - (admitted[from] ?? 0)) / 1_000;
        if (to - from + 1 > odd.burst + odd.qps * window + 1e-6) throw new Error("admitted too many");
      }
    }
  }
});
