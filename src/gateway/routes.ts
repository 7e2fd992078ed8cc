import type { Adapter } from "../adapters/adapter.ts";
import type { MediaAdapter, VendorAdapters } from "../adapters/media-adapter.ts";
import type { Candidate, Catalog, Operation, RoutingSpec, VendorKey, VendorSpec } from "../core/catalog.ts";
import type { PriceId, VendorId } from "../core/ids.ts";
import { DEFAULT_MAX_OUTPUT_TOKENS } from "../core/limits.ts";
import type { Price, Tariff } from "../core/price.ts";
import { tariffAt } from "../core/price-hours.ts";
import { noText } from "./no-text.ts";

/** The catalog made ready for requests: everything that does not depend on one is worked out once per reload. */
export interface Routes {
  readonly catalog: Catalog;
  readonly routing: RoutingSpec;
  readonly models: ReadonlyMap<string, readonly Route[]>;
}

/** One place where a model can be served. */
export interface Route {
  readonly vendor: VendorSpec;
  readonly adapter: Adapter;
  /** Absent: a vendor without pictures. */
  readonly media?: MediaService;
  /** Without a trailing slash; empty for a vendor inside the process. */
  readonly baseUrl: string;
  readonly model: string;
  readonly quality: number;
  readonly operations: ReadonlySet<Operation>;
  readonly maxOutputTokens: number;
  /** Undefined: not routable. */
  readonly price: { readonly id: PriceId; readonly spec: Price } | undefined;
}

/** Where a vendor's pictures are asked for: some have another address for them. */
export interface MediaService {
  readonly adapter: MediaAdapter;
  readonly baseUrl: string;
}

export type PriceIdOf = (vendor: VendorId, model: string, price: Price) => PriceId;

/** Candidates whose adapter does not exist in this build are left out; `unserved` names their vendors. */
export function buildRoutes(
  catalog: Catalog,
  adapters: ReadonlyMap<string, VendorAdapters>,
  priceIdOf: PriceIdOf,
): { readonly routes: Routes; readonly unserved: readonly VendorId[] } {
  const unserved = new Set<VendorId>();
  const models = new Map<string, readonly Route[]>();
  for (const spec of catalog.models.values()) {
    const routes: Route[] = [];
    for (const candidate of spec.candidates) {
      const vendor = catalog.vendors.get(candidate.vendor);
      const adapter = vendor === undefined ? undefined : adapters.get(vendor.adapter);
      if (vendor === undefined || adapter === undefined) unserved.add(candidate.vendor);
      else routes.push(routeOf(candidate, vendor, adapter, priceIdOf));
    }
    models.set(spec.name, routes);
  }
  return { routes: { catalog, routing: catalog.routing, models }, unserved: [...unserved] };
}

/** Stands for the key of a vendor that asks for none: health and attempts are counted by key. */
const KEYLESS: VendorKey = { id: "none", secret: "", weight: 1 };

function routeOf(
  candidate: Candidate,
  vendor: VendorSpec,
  { text, media }: VendorAdapters,
  priceIdOf: PriceIdOf,
): Route {
  const { price } = candidate;
  const usual = text ?? noText(vendor.adapter);
  const baseUrl = vendor.baseUrl ?? usual.defaultBaseUrl ?? "";
  const adapter = usual.protocolAt?.(baseUrl) ?? usual;
  const served = new Set<Operation>([...adapter.operations, ...(media?.operations ?? [])]);
  return {
    vendor: vendor.keys.length === 0 ? { ...vendor, keys: [KEYLESS] } : vendor,
    adapter,
    ...(media === undefined
      ? {}
      : { media: { adapter: media, baseUrl: vendor.baseUrl ?? media.defaultBaseUrl ?? "" } }),
    baseUrl,
    model: candidate.model,
    quality: candidate.quality,
    operations:
      candidate.operations === undefined
        ? served
        : new Set(candidate.operations.filter((operation) => served.has(operation))),
    maxOutputTokens: candidate.maxOutputTokens ?? DEFAULT_MAX_OUTPUT_TOKENS,
    price:
      price === undefined
        ? undefined
        : { id: priceIdOf(candidate.vendor, candidate.model, price), spec: price },
  };
}

/**
 * The price of a route that was ranked, as it is in force for a request admitted at `at` (epoch milliseconds); the
 * router never ranks one without.
 */
export function pricedBy(route: Route, at: number): Tariff {
  if (route.price === undefined)
    throw new Error(`${route.vendor.id}/${route.model} is served without a price`);
  return tariffAt(route.price.spec, at);
}
