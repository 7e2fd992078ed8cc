import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../core/random.ts";
import { LeakyBucket, LONGEST_TURN_MS } from "./leaky-bucket.ts";
import { REFUSED } from "./meter.ts";

function bucket(qps = 10, burst = 3): LeakyBucket {
  const made = new LeakyBucket(0);
  made.resize({ qps, burst }, 0, 0);
  return made;
}

describe("a leaky bucket", () => {
  test("lets requests out at even distances, and refuses what does not fit", () => {
    const leaky = bucket();
    expect([1, 2, 3, 4, 5].map(() => leaky.take(1, 0))).toEqual([0, 100, 200, 300, REFUSED]);
    expect(leaky.take(1, 99)).toBe(REFUSED);
    expect(leaky.waitMs(1, 0)).toBe(100);
    expect(leaky.take(1, 100)).toBe(300);
  });

  test.each<[left: number, at: number, taken: number]>([
    [4, 0, 0],
    [2, 0, 2],
    [0, 0, 4],
    [1, 100, 4],
    [4, 10_000, 4],
  ])("has %p left at %p after %p", (left, at, taken) => {
    const leaky = bucket();
    for (let count = 0; count < taken; count += 1) leaky.take(1, 0);
    expect(leaky.left(at)).toBe(left);
  });

  test("saves nothing up while nobody comes", () => {
    const leaky = bucket();
    expect(leaky.take(1, 60_000)).toBe(0);
    expect(leaky.take(1, 60_000)).toBe(100);
  });

  test("nobody waits for long, however large it is", () => {
    const leaky = bucket(1, 1_000);
    const waits = Array.from({ length: 100 }, () => leaky.take(1, 0));
    expect(Math.max(...waits)).toBe(LONGEST_TURN_MS);
  });

  test("a turn that was not used is another's", () => {
    const leaky = bucket();
    leaky.take(1, 0);
    leaky.take(1, 0);
    leaky.untake(1);
    expect(leaky.take(1, 0)).toBe(100);
  });

  test("without a rate lets nobody out", () => {
    const leaky = bucket(0, 0);
    expect(leaky.take(1, 0)).toBe(REFUSED);
    expect(leaky.left(0)).toBe(0);
    expect(leaky.waitMs(1, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  test("made slower, it counts as fast until its last turn of before is over", () => {
    const leaky = bucket();
    for (let count = 0; count < 4; count += 1) leaky.take(1, 0);
    leaky.resize({ qps: 2, burst: 1 }, 0, 0);
    expect(leaky.held(399).qps).toBe(10);
    expect(leaky.held(400).qps).toBe(2);
  });

  test("any window holds at most one turn more than the rate", () => {
    const random = seededRandom(9);
    const leaky = bucket(50, 20);
    const turns: number[] = [];
    for (let now = 0; now < 60_000; now += random.next() * 25) {
      const wait = leaky.take(1, now);
      if (wait !== REFUSED) turns.push(now + wait);
    }
    for (let index = 1; index < turns.length; index += 1) {
      expect((turns[index] ?? 0) - (turns[index - 1] ?? 0)).toBeGreaterThan(19.99);
    }
    expect(turns.length).toBeGreaterThan(60 * 50 * 0.97);
  });
});
