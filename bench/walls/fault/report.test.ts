import { expect, test } from "bun:test";
import { casesOf } from "./cases.ts";
import { FAULTS } from "./faults.ts";
import { isRight, markdown, table } from "./report.ts";
import type { Result } from "./run.ts";

const right: readonly Result[] = casesOf().map((one) => ({ case: one, differences: [] }));

test("faults have names of their own, and happen to something", () => {
  expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
  for (const fault of FAULTS) expect(fault.stream ?? fault.whole).toBeDefined();
});

test("a row has as many cells as the head, and there is one for each fault and mode", () => {
  const [head = "", line = "", ...rows] = table(right).split("\n");
  const cells = (text: string) => text.split(" | ").length;
  for (const row of [line, ...rows]) expect(cells(row)).toBe(cells(head));
  const sides = FAULTS.flatMap(({ stream, whole }) => [stream, whole].filter((side) => side !== undefined));
  expect(rows).toHaveLength(sides.length);
});

test("a difference, books that are wrong, or a wall without cases are not right, and are written out", () => {
  const [first, ...rest] = right;
  if (first === undefined) throw new Error("there are cases");
  const report = { results: right, broken: [], seconds: 1 };
  expect(isRight(report)).toBe(true);
  expect(isRight({ results: [], broken: [] })).toBe(false);
  expect(isRight({ ...report, broken: ["reconciliation: no_leaked_hold"] })).toBe(false);
  const wrong = { ...report, results: [{ ...first, differences: ["status 502, not 200"] }, ...rest] };
  expect(isRight(wrong)).toBe(false);
  const text = markdown(wrong, "now");
  expect(text).toContain(`${first.case.name}: status 502, not 200`);
  expect(text).toContain("1 differ");
  expect(markdown(report, "now")).toContain("Nothing differs");
});
