import type { AnyElysia } from "elysia";
import packageJson from "../../package.json" with { type: "json" };
import { VENDOR } from "../actors/vendor-protocol.ts";
import { findingsOf } from "../config/issues.ts";
import { vendorDefinitionFindings } from "../config/managed.ts";
import { modelSchema, vendorSchema } from "../config/schema.ts";
import { systemClock as clock } from "../core/clock.ts";
import type { KeyId, NodeId, TenantId, VendorId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { systemRandom as random } from "../core/random.ts";
import { accountRoutes } from "../http/account.ts";
import { adminOperations, adminRoutes } from "../http/admin/admin.ts";
import { docsRoutes } from "../http/docs.ts";
import { type HealthCheck, healthRoutes } from "../http/health.ts";
import { createHookAddresses } from "../http/hooks/routes.ts";
import type { Idempotency } from "../http/idempotent.ts";
import type { Metrics } from "../http/metrics.ts";
import { metricsRoutes } from "../http/metrics-route.ts";
import { openApiRoutes } from "../http/openapi.ts";
import { listNodes } from "../ledger/nodes.ts";
import { reconcile } from "../ledger/reconcile.ts";
import { releaseNode } from "../ledger/release-node.ts";
import { type TaskOverviewSelection, taskOverview } from "../ledger/task-overview.ts";
import type { Announcements } from "./announcements.ts";
import type { CatalogKeeper } from "./catalog-keeper.ts";
import type { ClusterParts } from "./cluster-parts.ts";
import { type ClusterView, createClusterView } from "./cluster-view.ts";
import type { LeaseParts } from "./lease-parts.ts";
import { derivedKey, type LedgerParts } from "./ledger-parts.ts";
import { booksOf } from "./own-view.ts";
import type { RequestParts } from "./request-parts.ts";
import { tellTenantChanged } from "./tell-tenant-changed.ts";
import type { UsageParts } from "./usage-parts.ts";

export interface OperationParts {
  readonly cluster: ClusterParts;
  readonly ledger: LedgerParts;
  readonly leases: LeaseParts;
  readonly requests: RequestParts;
  readonly usage: UsageParts;
  readonly keeper: CatalogKeeper;
  readonly announcements: Announcements;
  readonly metrics: Metrics;
  /** What `/metrics` shows: this process, or all workers of the machine. */
  readonly exposed: Pick<Metrics, "expose">;
  readonly log: Log;
  readonly region: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  isDraining(): boolean;
  openWebSockets(): number;
}

/** Records that the ledger may lack before the node calls itself not ready: half a minute of a busy node. */
const LAG_RECORDS = 500_000;

/** What operators and accountants see: account, admin, health, metrics. */
export function operationRoutes(parts: OperationParts, idempotency: Idempotency): readonly AnyElysia[] {
  const { ledger, requests, metrics, log } = parts;
  const view = createClusterView(parts);
  const answering = { random, log, countRequest: metrics.countRequest };
  const money = {
    clock,
    accounts: ledger.accounts,
    reports: ledger.reports,
    flush: view.flush,
    reserved: view.reserved,
  };
  const { gateway, explanations } = requests;
  return [
    accountRoutes({ ...answering, ...money, gateway, explanations, receipts: ledger.receipts }),
    adminRoutes({ ...answering, ...money, ...administration(parts, view), idempotency }),
    healthRoutes({ ...answering, checks: () => healthChecks(parts) }),
    metricsRoutes({ ...answering, metrics: parts.exposed }),
    openApiRoutes({
      ...answering,
      version: packageJson.version,
      adminOperations: adminOperations({ vendor: vendorSchema, model: modelSchema }),
    }),
    docsRoutes(answering),
  ];
}

function administration(parts: OperationParts, view: ClusterView) {
  const { ledger, leases, requests, keeper, announcements } = parts;
  return {
    adminKeyHash: ledger.admin.hash,
    tokenSecret: derivedKey(ledger.masterSecret, "admin tokens"),
    findingsOf,
    tenants: ledger.tenants,
    keys: ledger.keys,
    managed: keeper.managed,
    schemas: { vendor: vendorSchema, model: modelSchema },
    catalog: requests.catalog,
    declared: keeper.declared,
    vendorFindings: vendorDefinitionFindings,
    async applyManaged() {
      await keeper.applyManaged();
      announcements.catalogChanged();
    },
    health: leases.health,
    hookPath: createHookAddresses(derivedKey(ledger.masterSecret, "vendor hooks")).pathFor,
    vendorLimitsLeft: (vendor: VendorId) => leases.host.find(VENDOR.name, vendor)?.summary,
    keyChanged(key: KeyId) {
      // Here at once: whoever asked for it may rely on it.
      requests.identity.forget(key);
      announcements.keyChanged(key);
    },
    async tenantChanged(tenant: TenantId) {
      requests.identity.forgetTenant(tenant);
      await tellTenantChanged({ ask: leases.host.ask, bus: parts.cluster.bus, log: parts.log }, tenant);
    },
    nodes: () => listNodes(ledger.sql),
    liveNodes: view.nodes,
    releaseNode: async (node: NodeId, confirm: boolean) => {
      // Its claim may have been lost with a connection to Postgres: whoever is heard is alive.
      const claim = async (name: NodeId) =>
        parts.cluster.peers.live().has(name) ? undefined : ledger.claimNode(name);
      return releaseNode({ sql: ledger.sql, claim }, node, confirm);
    },
    actors: view.actors,
    tasks: (which: TaskOverviewSelection) => taskOverview(ledger.sql, which),
    reconcile: () => reconcile(ledger.sql, booksOf(parts), view.checks),
  };
}

/** A ledger that is away is no reason to turn warm clients away: only what it can no longer catch up with is. */
function healthChecks({ ledger, usage, isDraining }: OperationParts): readonly HealthCheck[] {
  const { spool } = ledger;
  const check = (name: string, isWell: boolean, reason: string): HealthCheck =>
    isWell ? { name } : { name, reason };
  return [
    check("node", !isDraining(), "the node is stopping"),
    check(
      "spool",
      spool.isHealthy && !spool.isFull,
      spool.isFull ? "the spool is full" : "the disk refuses records",
    ),
    check("ledger", usage.carrier.lag < LAG_RECORDS, "the ledger is far behind"),
  ];
}
