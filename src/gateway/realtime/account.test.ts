import { expect, test } from "bun:test";
import { micropointsOf } from "../../core/points.ts";
import type { MeteredPrice } from "../../core/price.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { Account } from "./account.ts";

const rate = (points: number) => micropointsOf(BigInt(points * 1_000_000));
const price = (more: object = {}): MeteredPrice => ({
  kind: "metered",
  input: rate(4),
  output: rate(16),
  ...more,
});
const account = (of = price()) => new Account(of, of, 100);
const answer = (input: number, output: number) => ({ ...NO_USAGE, input, output });

test("answers are summed and rounded up once", () => {
  const sum = account(price({ input: 400_000n, output: 0n }));
  sum.add(answer(1, 0));
  sum.add(answer(1, 0));
  // Twice 0.4 of a micropoint.
  expect(sum.metered()).toMatchObject({ cost: micropointsOf(1n), isBillable: true, flags: [] });
  expect(sum.used.input).toBe(2);
});

test("each answer is priced by the band of its own prompt", () => {
  const bands = [{ above: 100, rates: { input: rate(8), output: rate(16) } }];
  const sum = account(price({ bands }));
  sum.add(answer(80, 0));
  sum.add(answer(80, 0));
  expect(sum.cost).toBe(micropointsOf(640n));
});

test("what is under way counts while it is, and is flagged when it is charged", () => {
  const sum = account();
  sum.add(answer(10, 1));
  expect(sum.withPending(answer(5, 2))).toEqual({ usage: answer(15, 3), cost: micropointsOf(108n) });
  expect(sum.cost).toBe(micropointsOf(56n));
  sum.add(answer(5, 2), true);
  expect(sum.metered().flags).toEqual(["usage_estimated"]);
});

test("the next answer is held for with all that was said, and the longest that it can be", () => {
  expect(account().needed([1_000])).toBe(micropointsOf(BigInt(1_000 * 4 + 100 * 16)));
  expect(account().needed([1_000, 2_000])).toBe(micropointsOf(BigInt(3_000 * 4 + 2 * 100 * 16)));
});
