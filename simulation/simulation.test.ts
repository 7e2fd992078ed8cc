import { describe, expect, test } from "bun:test";
import { BUG_NAMES } from "./bugs.ts";
import { simulate } from "./run.ts";
import { scenarioOf } from "./scenario.ts";
import { shrink } from "./shrink.ts";

const SEEDS = 60;
/** Within so many seeds a mistake must show. */
const SEEDS_TO_FIND = 60;

describe("the cluster's protocol", () => {
  test.each(Array.from({ length: 6 }, (_, part) => part))(
    "holds under every trouble (part %d)",
    async (part) => {
      const faults: string[] = [];
      for (let seed = part * 10 + 1; seed <= part * 10 + SEEDS / 6; seed += 1) {
        const { fault, served } = await simulate(scenarioOf(seed));
        if (fault !== undefined) faults.push(`seed ${seed}: ${fault}`);
        expect(served).toBeGreaterThan(50);
      }
      expect(faults).toEqual([]);
    },
  );

  test("behaves alike each time with one seed", async () => {
    const scenario = scenarioOf(7);
    expect(await simulate(scenario)).toEqual(await simulate(scenario));
    expect(await simulate(scenario)).not.toEqual(await simulate(scenarioOf(8)));
  });
});

describe("a planted mistake is found:", () => {
  test.each(BUG_NAMES)("%s", async (bug) => {
    for (let seed = 1; seed <= SEEDS_TO_FIND; seed += 1) {
      const scenario = scenarioOf(seed);
      const { fault } = await simulate(scenario, bug);
      if (fault === undefined) continue;
      const shortest = await shrink(scenario, bug);
      expect(shortest.troubles.length).toBeLessThanOrEqual(scenario.troubles.length);
      expect((await simulate(shortest, bug)).fault).toBeDefined();
      return;
    }
    throw new Error(`no seed of ${SEEDS_TO_FIND} shows it`);
  });
});
