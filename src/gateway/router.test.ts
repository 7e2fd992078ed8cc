import { describe, expect, test } from "bun:test";
import type { Adapter } from "../adapters/adapter.ts";
import { DEFAULT_TIMEOUTS, type Operation, type RoutingStrategy } from "../core/catalog.ts";
import { SluiceError } from "../core/errors.ts";
import { keyId, priceId, tenantId, vendorId } from "../core/ids.ts";
import { micropointsOf } from "../core/points.ts";
import type { Caller } from "./gateway.ts";
import { parseChat } from "./requests/chat.ts";
import { rank, type Standing } from "./router.ts";
import type { Route, Routes } from "./routes.ts";

const HEALTHY: Standing = { breaker: "closed", firstTokenMs: undefined, errorRatio: 0 };
const request = parseChat({ model: "m", messages: [{ role: "user", content: "hi" }] }, 400);

const caller: Caller = {
  tenant: tenantId("t"),
  key: keyId("k"),
  tier: "normal",
  models: null,
  vendors: null,
  onShortBalance: "cap",
  limits: null,
  budget: null,
};

function route(
  vendor: string,
  options: { output?: bigint; quality?: number; operations?: Operation[] } = {},
): Route {
  const { output = 1_000_000n, quality = 0.5, operations = ["chat"] } = options;
  return {
    vendor: {
      id: vendorId(vendor),
      adapter: "openai",
      keys: [],
      region: "local",
      limits: {},
      timeouts: DEFAULT_TIMEOUTS,
    },
    adapter: {} as Adapter, // ranking never looks at it
    baseUrl: "",
    model: `${vendor}-model`,
    quality,
    operations: new Set(operations),
    maxOutputTokens: 100,
    price: {
      id: priceId(vendor),
      spec: { kind: "metered", input: micropointsOf(output / 4n), output: micropointsOf(output) },
    },
  };
}

function routes(list: readonly Route[], strategy: RoutingStrategy = "balanced"): Routes {
  const routing = { strategy, weights: { cost: 0.4, performance: 0.3, quality: 0.3 } };
  return {
    catalog: { vendors: new Map(), models: new Map(), routing, tiers: {} },
    routing,
    models: new Map([["m", list]]),
  };
}

const order = (list: Routes, standing: (route: Route) => Standing = () => HEALTHY, who = caller) =>
  rank(list, standing, who, request, 0).ranked.map(({ route: { vendor } }) => String(vendor.id));

function refusal(run: () => unknown): SluiceError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
  }
  throw new Error("was not refused");
}

describe("ranking", () => {
  const cheap = route("cheap", { output: 500_000n, quality: 0.4 });
  const good = route("good", { output: 2_000_000n, quality: 0.9 });

  test("weighs cost, performance and quality", () => {
    expect(order(routes([good, cheap], "cost"))).toEqual(["cheap", "good"]);
    expect(order(routes([cheap, good], "quality"))).toEqual(["good", "cheap"]);
    const slowCheap = ({ vendor }: Route): Standing => ({
      ...HEALTHY,
      firstTokenMs: vendor.id === "cheap" ? 900 : 100,
    });
    expect(order(routes([cheap, good], "performance"), slowCheap)).toEqual(["good", "cheap"]);
    expect(order(routes([good, cheap], "balanced"))).toEqual(["cheap", "good"]);
  });

  test("keeps the file's order for priority and among equals", () => {
    expect(order(routes([good, cheap], "priority"))).toEqual(["good", "cheap"]);
    expect(order(routes([route("b"), route("a")]))).toEqual(["b", "a"]);
  });

  test("puts a failing vendor behind, and gives an unmeasured one its chance", () => {
    const failing = ({ vendor }: Route): Standing => ({
      ...HEALTHY,
      errorRatio: vendor.id === "a" ? 0.9 : 0,
    });
    expect(order(routes([route("a"), route("b")]), failing)).toEqual(["b", "a"]);
    const measured = ({ vendor }: Route): Standing =>
      vendor.id === "new" ? HEALTHY : { ...HEALTHY, firstTokenMs: vendor.id === "slow" ? 500 : 100 };
    expect(order(routes([route("slow"), route("new")], "performance"), measured)).toEqual(["new", "slow"]);
  });

  test("passes over what cannot serve and says why", () => {
    const unpriced = { ...route("unpriced"), price: undefined };
    const list = routes([
      unpriced,
      route("embed", { operations: ["embedding"] }),
      route("open"),
      route("ok"),
    ]);
    const standing = ({ vendor }: Route): Standing => ({
      ...HEALTHY,
      breaker: vendor.id === "open" ? "open" : "closed",
    });
    const decision = rank(list, standing, caller, request, 0);
    expect(decision.ranked.map(({ route: { vendor } }) => String(vendor.id))).toEqual(["ok"]);
    expect(decision.passed.map(({ reason }) => reason)).toEqual([
      "not_priced",
      "operation_not_served",
      "breaker_open",
    ]);
  });
});

describe("a request that nobody can serve is refused", () => {
  const list = routes([route("a")]);

  test("for an unknown model", () => {
    const other = parseChat({ model: "x", messages: [{ role: "user", content: "hi" }] }, 10);
    expect(refusal(() => rank(list, () => HEALTHY, caller, other, 0)).code).toBe("model_not_found");
  });

  test("for a key without the model or the vendor", () => {
    expect(refusal(() => order(list, () => HEALTHY, { ...caller, models: ["y*"] })).code).toBe(
      "permission_denied",
    );
    expect(refusal(() => order(list, () => HEALTHY, { ...caller, vendors: ["b"] })).code).toBe(
      "permission_denied",
    );
    expect(order(list, () => HEALTHY, { ...caller, models: ["m*"], vendors: ["a"] })).toEqual(["a"]);
  });

  test("for a model without a price", () => {
    const unpriced = routes([{ ...route("a"), price: undefined }]);
    expect(refusal(() => order(unpriced)).code).toBe("model_not_priced");
  });

  test("while every vendor's breaker is open", () => {
    const error = refusal(() => order(list, () => ({ ...HEALTHY, breaker: "open" })));
    expect(error.code).toBe("vendor_unavailable");
  });
});
