import type { VendorAdapters } from "../adapters/media-adapter.ts";
import { createAdapters } from "../adapters/registry.ts";
import type { Catalog, Tier } from "../core/catalog.ts";
import { systemClock as clock } from "../core/clock.ts";
import type { GenerationRequest } from "../core/generation.ts";
import type { Log } from "../core/log.ts";
import type { OverloadSettings } from "../core/overload-settings.ts";
import { systemRandom as random } from "../core/random.ts";
import type { UpstreamKind } from "../core/upstream-choice.ts";
import { createGateway } from "../gateway/create.ts";
import { Deadlines } from "../gateway/deadlines.ts";
import { createExplanations, type Explanations } from "../gateway/explain.ts";
import type { Caller, Gateway, GenerateOptions, StreamGeneration } from "../gateway/gateway.ts";
import type { GeneratePorts } from "../gateway/generate.ts";
import type { GlobalLimiter } from "../gateway/global-limiter.ts";
import { createIdentity, type Identity } from "../gateway/identity.ts";
import { createLeasedAdmission } from "../gateway/leased-admission.ts";
import { OpenCharges } from "../gateway/open-charges.ts";
import { createOverloadGate, type OverloadGate } from "../gateway/overload.ts";
import { createRealtime, type Realtime } from "../gateway/realtime/realtime.ts";
import { buildRoutes, type Routes } from "../gateway/routes.ts";
import { type Begun, resumeGeneration } from "../gateway/takeover/resumed.ts";
import type { Telemetry } from "../gateway/telemetry.ts";
import { createVendorDesk } from "../gateway/vendor-desk.ts";
import type { MetricSources } from "../http/metrics.ts";
import { type Prices, priceIdOf } from "../ledger/prices.ts";
import type { UsageCarrier } from "../ledger/usage-carrier.ts";
import { createWebSocketUpstream } from "../upstream/web-socket.ts";
import type { LeaseParts } from "./lease-parts.ts";
import type { LedgerParts } from "./ledger-parts.ts";
import { memoryUse } from "./memory.ts";
import { openUpstream } from "./upstream-part.ts";

/** The path of a request, without its fronts. */
export interface RequestParts {
  readonly gateway: Gateway;
  readonly realtime: Realtime;
  /** What the path is made of, for work that goes it by itself. */
  readonly generating: GeneratePorts;
  /** Goes on with an answer that another node began. */
  resume(
    caller: Caller,
    request: GenerationRequest,
    options: GenerateOptions,
    begun: Begun,
  ): Promise<StreamGeneration>;
  readonly identity: Identity;
  readonly explanations: Explanations;
  readonly openCharges: OpenCharges;
  readonly overload: OverloadGate;
  /** What metrics read of it. */
  readonly sources: Pick<MetricSources, "overload" | "connections">;
  catalog(): Catalog;
  /** Takes a new catalog over: running requests keep their own. */
  apply(catalog: Catalog): Promise<void>;
  close(): Promise<void>;
}

export interface RequestSettings {
  readonly catalog: Catalog;
  readonly region: string;
  readonly overload: OverloadSettings;
  readonly global: GlobalLimiter;
  readonly upstream: UpstreamKind;
  /** That share the memory: the workers of this machine. */
  readonly processes: number;
  isConnected(): boolean;
}

export async function buildRequestPath(
  ledger: LedgerParts,
  leases: LeaseParts,
  carrier: UsageCarrier,
  telemetry: Telemetry,
  settings: RequestSettings,
  log: Log,
): Promise<RequestParts> {
  const { spool, node, keys, prices } = ledger;
  const { purses, budgets, rates, quotas, health } = leases;
  const adapters = createAdapters({ clock });
  let routes = await routesOf(settings.catalog, adapters, prices, log);
  spool.onUsage = () => carrier.wake();
  const openCharges = new OpenCharges(clock);
  const deadlines = new Deadlines(clock);
  const upstream = openUpstream(settings.upstream, log);
  const explanations = createExplanations();
  const identity = createIdentity({ clock, find: keys.find, isConnected: settings.isConnected });
  const tierLimit = (tier: Tier) => routes.catalog.tiers[tier];
  const overload = createOverloadGate({
    clock,
    log,
    settings: settings.overload,
    inFlight: () => openCharges.inFlight,
    memory: memoryUse(settings.overload.memoryBytes, settings.processes),
  });
  const ports: GeneratePorts = {
    clock,
    random,
    log,
    node,
    region: settings.region,
    deadlines,
    explanations,
    openCharges,
    telemetry,
    routes: () => routes,
    network: upstream.call,
    desk: createVendorDesk({ health, rates, quotas }),
    admission: createLeasedAdmission({
      clock,
      purses,
      budgets,
      rates,
      tierLimit,
      limits: () => routes.catalog.limits,
      global: settings.global,
    }),
    spool,
  };
  const gateway = createGateway(identity, overload, ports);
  const conversations = createWebSocketUpstream(clock.after);
  const realtime = createRealtime({
    ...ports,
    dial: conversations.dial,
    refusal: ({ tier }) => overload.refusal(tier),
  });
  return {
    gateway: {
      ...gateway,
      close() {
        gateway.close();
        realtime.close();
      },
    },
    realtime,
    generating: ports,
    resume: (caller, request, options, begun) => resumeGeneration(ports, caller, request, options, begun),
    identity,
    explanations,
    openCharges,
    overload,
    sources: { overload: () => overload.state, connections: upstream.stats },
    catalog: () => routes.catalog,
    async apply(catalog) {
      routes = await routesOf(catalog, adapters, prices, log);
    },
    async close() {
      deadlines.close();
      overload.close();
      upstream.close();
      conversations.close();
    },
  };
}

/** The routes of a catalog, its prices written down first so that every receipt can show what it applied. */
async function routesOf(
  catalog: Catalog,
  adapters: ReadonlyMap<string, VendorAdapters>,
  prices: Prices,
  log: Log,
): Promise<Routes> {
  const known = [...catalog.models.values()].flatMap(({ candidates }) =>
    candidates.flatMap(({ vendor, model, price }) =>
      price === undefined ? [] : [{ id: priceIdOf(vendor, model, price), vendor, model, price }],
    ),
  );
  await prices.register(known);
  const { routes, unserved } = buildRoutes(catalog, adapters, priceIdOf);
  if (unserved.length > 0) log.warn("these vendors have no adapter in this version", { vendors: unserved });
  return routes;
}
