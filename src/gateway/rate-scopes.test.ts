import { expect, test } from "bun:test";
import type { ModelLimits } from "../core/limit-specs.ts";
import { modelScopes, scopesOf } from "./rate-scopes.ts";
import { callerOf } from "./testing/fixtures.ts";

test("a caller's limits and paths are known by the same objects each time", () => {
  const own = { qps: 5, burst: 5 };
  const caller = callerOf({ limits: own });
  const scopes = scopesOf(caller);
  expect(scopesOf(caller)).toBe(scopes);
  expect(scopes.path("/a")).toBe(scopes.path("/a"));
  expect(scopes.path("/a").id).not.toBe(scopes.path("/b").id);
  const counted = scopes.countedAs(own, "sliding-window");
  expect(counted).toEqual({ ...own, algorithm: "sliding-window" });
  expect(scopes.countedAs(own, "sliding-window")).toBe(counted);
  expect(scopes.countedAs(own, "token-bucket").algorithm).toBe("token-bucket");
});

test("two callers share nothing, also with the same key", () => {
  expect(scopesOf(callerOf())).not.toBe(scopesOf(callerOf()));
});

test("models that share one object of limits are two models", () => {
  const limits: ModelLimits = { requests: { qps: 1, burst: 1 } };
  const first = modelScopes("a", limits);
  expect(modelScopes("a", limits)).toBe(first);
  expect(modelScopes("b", limits)).toMatchObject({
    requests: { kind: "model", model: "b" },
    tokens: { kind: "tokens", model: "b" },
  });
  expect(modelScopes("a", limits).requests).toEqual({ kind: "model", model: "a" });
});
