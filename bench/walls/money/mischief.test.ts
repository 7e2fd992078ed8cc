import { expect, test } from "bun:test";
import { seededRandom } from "../../../src/core/random.ts";
import { MISCHIEFS, planMischief } from "./mischief.ts";

test("a seed always makes the same plan, another one another", () => {
  const plan = (seed: number) => planMischief(seededRandom(seed), 80_000);
  expect(plan(1)).toEqual(plan(1));
  expect(plan(1)).not.toEqual(plan(2));
});

test("every kind comes, everything ends in time, and nothing is killed while it is paused", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 30; seed += 1) {
    const plan = planMischief(seededRandom(seed), 80_000);
    for (const one of plan) {
      seen.add(one.kind);
      expect(one.until).toBeLessThan(80_000);
      const same = plan.filter(
        (other) => other !== one && other.kind === one.kind && other.target === one.target,
      );
      for (const other of same) expect(other.from >= one.until || other.until <= one.from).toBe(true);
    }
    expect(plan.some(({ from, until }) => until - from === 60_000)).toBe(true);
  }
  expect(seen).toEqual(new Set(Object.keys(MISCHIEFS)));
});

test("a node alone is never cut off from what it does not have, and no other is troubled", () => {
  for (let seed = 0; seed < 30; seed += 1) {
    for (const { kind, target } of planMischief(seededRandom(seed), 80_000, 1)) {
      expect(target).toBe(0);
      expect(kind).not.toContain("NATS");
    }
  }
});
