import { expect, test } from "bun:test";
import { readUsage } from "./usage.ts";

const raw = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

test.each([
  ["flex", "flex"],
  ["priority", "priority"],
  ["default", undefined],
  [null, undefined],
  [undefined, undefined],
])("usage of the tier %p is charged as that of %p", (tier, serviceTier) => {
  expect(readUsage(raw, { service_tier: tier })?.serviceTier).toBe(serviceTier);
});

test("what is no usage has no tier either", () => {
  expect(readUsage({}, { service_tier: "flex" })).toBeUndefined();
});
