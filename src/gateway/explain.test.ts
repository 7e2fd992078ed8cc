import { expect, test } from "bun:test";
import { requestId, tenantId } from "../core/ids.ts";
import { createExplanations } from "./explain.ts";

const decision = { ranked: [], passed: [] };

test("the last decisions are told to their own tenant, and only so many are kept", () => {
  const explanations = createExplanations();
  for (let number = 0; number < 50_000; number += 1) {
    explanations.decided(requestId(`r${number}`), tenantId("t"), decision);
  }
  const isKept = (number: number, tenant = "t") =>
    explanations.get(requestId(`r${number}`), tenantId(tenant)) !== undefined;
  expect(isKept(49_999)).toBe(true);
  expect(isKept(49_999, "other")).toBe(false);
  expect(isKept(40_000)).toBe(true);
  expect(isKept(29_999)).toBe(false);
});
