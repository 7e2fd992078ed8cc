import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../core/random.ts";
import { REFUSED } from "./meter.ts";
import { SlidingWindow } from "./sliding-window.ts";

/** Ten in a second, all of them here. */
function full(qps = 10, burst = 10): SlidingWindow {
  const window = new SlidingWindow({ qps, burst });
  window.resize({ qps, burst }, burst, 0);
  return window;
}

const takes = (window: SlidingWindow, count: number, now: number): number =>
  Array.from({ length: count }, () => window.take(1, now)).filter((wait) => wait !== REFUSED).length;

describe("a sliding window", () => {
  test.each<[string, readonly [at: number, asked: number, got: number][]]>([
    [
      "gives everything at once, and again after a window",
      [
        [0, 20, 10],
        [999, 20, 0],
        [1_000, 20, 10],
      ],
    ],
    [
      "gives back piece by piece what was taken piece by piece",
      [
        [0, 4, 4],
        [500, 20, 6],
        [1_000, 20, 4],
        [1_500, 20, 6],
      ],
    ],
    [
      "does not save up what was not used",
      [
        [0, 1, 1],
        [60_000, 20, 10],
      ],
    ],
    [
      "bears a clock that stands still",
      [
        [5, 10, 10],
        [5, 1, 0],
      ],
    ],
  ])("%s", (_what, steps) => {
    const window = full();
    for (const [at, asked, got] of steps) expect(takes(window, asked, at)).toBe(got);
  });

  test("with a burst counts in burst ÷ rate seconds", () => {
    const window = full(10, 30);
    expect(takes(window, 50, 0)).toBe(30);
    expect(takes(window, 50, 2_999)).toBe(0);
    expect(takes(window, 50, 3_000)).toBe(30);
  });

  test("never admits more in any window, and at a full load within a percent of it", () => {
    const random = seededRandom(3);
    const window = full(500, 500);
    const admitted: number[] = [];
    for (let now = 0; now < 60_000; now += random.next() * 3)
      if (window.take(1, now) !== REFUSED) admitted.push(now);
    for (let index = 500; index < admitted.length; index += 1) {
      expect((admitted[index] ?? 0) - (admitted[index - 500] ?? 0)).toBeGreaterThanOrEqual(1_000);
    }
    expect(admitted.length).toBeGreaterThan(60 * 500 * 0.99 - 500);
  });

  test("says when as many can be taken, and they can be then", () => {
    const window = full();
    takes(window, 4, 0);
    takes(window, 6, 300);
    expect(window.waitMs(1, 300)).toBe(700);
    expect(window.waitMs(5, 300)).toBe(1_000);
    expect(window.waitMs(11, 300)).toBe(Number.POSITIVE_INFINITY);
    expect(window.fullMs(300)).toBe(1_000);
    expect(takes(window, 20, 1_000)).toBe(4);
  });

  test("what was not used can be taken again, what was used beyond is owed", () => {
    const window = full(100, 100);
    window.take(80, 0);
    window.untake(50, 0);
    expect(window.left(10)).toBe(70);
    window.overuse(90, 20);
    expect(window.take(1, 500)).toBe(REFUSED);
    expect(window.take(10, 1_001)).toBe(0);
    expect(window.left(1_030)).toBe(90);
  });

  test("moves what it gives away with what is remembered of it", () => {
    const [one, other] = [full(), new SlidingWindow({ qps: 10, burst: 10 })];
    takes(one, 8, 0);
    const surplus = one.surrender(5, 400);
    expect(surplus).toEqual({ tokens: 2, cooling: [[600, 3]] });
    other.accept(surplus, 400);
    expect([one.total, other.total]).toEqual([5, 5]);
    expect([takes(one, 9, 999), takes(other, 9, 999)]).toEqual([0, 2]);
    expect([takes(one, 9, 1_000), takes(other, 9, 1_000)]).toEqual([5, 3]);
  });

  test("remembers no more moments than it has parts, however long the window", () => {
    const window = full(100_000 / 3_600, 100_000);
    for (let second = 0; second < 3_600; second += 1) window.take(20, second * 1_000);
    expect(window.surrender(100_000, 3_599_000).cooling.length).toBeLessThanOrEqual(130);
  });

  test("another length holds for what was taken before, too", () => {
    const window = full();
    takes(window, 10, 0);
    window.adapt({ qps: 20, burst: 10 });
    expect(takes(window, 1, 499)).toBe(0);
    expect(takes(window, 20, 500)).toBe(10);
  });
});
