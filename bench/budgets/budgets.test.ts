import { expect, test } from "bun:test";
import { budgetsOf, type Measured, tableOf } from "./budgets.ts";

const exactly = (median: number) => ({ median, least: median, greatest: median });

const measured: Measured = {
  ratios: new Map([
    [1_000, exactly(1.2)],
    [256, exactly(1.6)],
    [48, exactly(1.61)],
  ]),
  tokensPerSecond: exactly(150_000),
  addedDelayMs: exactly(5.1),
  kibPerIdleSocket: 2,
  kibPerStream: 20,
  asksPerThousand: 2.6,
  startSeconds: exactly(0.6),
};

const verdicts = (of: Measured): string[] => budgetsOf(of).map(({ verdict }) => verdict);

test("a budget is met at its bound and missed beyond it, whichever way is better", () => {
  expect(verdicts(measured)).toEqual([
    "aim",
    "must",
    "missed",
    "–",
    "must",
    "missed",
    "aim",
    "must",
    "must",
    "aim",
  ]);
  const better = { ...measured, tokensPerSecond: exactly(200_000), addedDelayMs: exactly(5) };
  expect(verdicts(better)[4]).toBe("aim");
  expect(verdicts(better)[5]).toBe("aim");
  expect(verdicts({ ...measured, tokensPerSecond: exactly(119_999) })[4]).toBe("missed");
});

test("what could not be measured is missed and not met", () => {
  expect(verdicts({ ...measured, startSeconds: exactly(Number.NaN) }).at(-1)).toBe("missed");
});

test("the table tells the median with its spread", () => {
  const spread = { median: 1.31, least: 1.28, greatest: 1.4 };
  expect(tableOf(budgetsOf({ ...measured, ratios: new Map([[256, spread]]) }))).toContain(
    "256 at once | ≤ 1.6× | 1.25× | 1.31× (1.28×–1.40×) | must |",
  );
});
