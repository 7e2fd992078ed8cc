import type { Adapter } from "../../adapters/adapter.ts";
import { DEFAULT_TIMEOUTS } from "../../core/catalog.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import { keyId, priceId, tenantId, vendorId } from "../../core/ids.ts";
import { micropointsOf } from "../../core/points.ts";
import type { Caller } from "../gateway.ts";
import { parseChat } from "../requests/chat.ts";
import type { Route } from "../routes.ts";

/** A caller with every right, for tests; `changes` take some away. */
export function callerOf(changes: Partial<Caller> = {}): Caller {
  return {
    tenant: tenantId("t"),
    key: keyId("k"),
    tier: "normal",
    models: null,
    vendors: null,
    onShortBalance: "cap",
    limits: null,
    budget: null,
    ...changes,
  };
}

/** A streamed chat request, for tests that do not look into it. */
export const chatRequest = (content = "How are you?"): GenerationRequest =>
  parseChat({ model: "m", stream: true, messages: [{ role: "user", content }], max_tokens: 50 }, 100);

/** A route with rates in whole micropoints a token, for tests that never call its adapter. */
export function routeOf(vendor: string, rates: { readonly input: bigint; readonly output: bigint }): Route {
  return {
    vendor: {
      id: vendorId(vendor),
      adapter: "openai",
      keys: [],
      region: "local",
      limits: {},
      timeouts: DEFAULT_TIMEOUTS,
    },
    adapter: {} as Adapter, // nothing under test looks at it
    baseUrl: "",
    model: `${vendor}-model`,
    quality: 0.5,
    operations: new Set(["chat", "embedding"]),
    maxOutputTokens: 100,
    price: {
      id: priceId(vendor),
      spec: {
        kind: "metered",
        input: micropointsOf(rates.input * 1_000_000n),
        output: micropointsOf(rates.output * 1_000_000n),
      },
    },
  };
}
