import { expect, test } from "bun:test";
import { casesOf } from "../bench/walls/fault/cases.ts";
import { differencesIn } from "../bench/walls/fault/report.ts";
import { runWall } from "../bench/walls/fault/run.ts";

test("whatever a vendor does wrong, every client is told the truth, and charged what it got", async () => {
  const cases = casesOf();
  const report = await runWall(cases);
  expect(differencesIn(report)).toEqual([]);
  expect(report.results).toHaveLength(cases.length);
}, 240_000);
