import type { AnyElysia } from "elysia";
import packageJson from "../../package.json" with { type: "json" };
import { TENANT } from "../actors/tenant-protocol.ts";
import { VENDOR } from "../actors/vendor-protocol.ts";
import { findingsOf } from "../config/issues.ts";
import { vendorDefinitionFindings } from "../config/managed.ts";
import { modelSchema, vendorSchema } from "../config/schema.ts";
import { systemClock as clock } from "../core/clock.ts";
import type { TenantId, VendorId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { ZERO } from "../core/points.ts";
import { systemRandom as random } from "../core/random.ts";
import { accountRoutes } from "../http/account.ts";
import { adminOperations, adminRoutes } from "../http/admin/admin.ts";
import { docsRoutes } from "../http/docs.ts";
import { type HealthCheck, healthRoutes } from "../http/health.ts";
import type { Metrics } from "../http/metrics.ts";
import { metricsRoutes } from "../http/metrics-route.ts";
import { openApiRoutes } from "../http/openapi.ts";
import { listNodes } from "../ledger/nodes.ts";
import { reconcile } from "../ledger/reconcile.ts";
import type { CatalogKeeper } from "./catalog-keeper.ts";
import type { LeaseParts } from "./lease-parts.ts";
import { derivedKey, type LedgerParts } from "./ledger-parts.ts";
import type { RequestParts } from "./request-parts.ts";

export interface OperationParts {
  readonly ledger: LedgerParts;
  readonly leases: LeaseParts;
  readonly requests: RequestParts;
  readonly keeper: CatalogKeeper;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly region: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  isDraining(): boolean;
  openWebSockets(): number;
}

/** How long a question about money waits for the ledger to have everything. */
const FLUSH_MS = 5_000;
/** Records that the ledger may lack before the node calls itself not ready: half a minute of a busy node. */
const LAG_RECORDS = 500_000;

/** What operators and accountants see: account, admin, health, metrics. */
export function operationRoutes(parts: OperationParts): readonly AnyElysia[] {
  const { ledger, leases, requests, metrics, log } = parts;
  const answering = { random, log, countRequest: metrics.countRequest };
  const money = {
    clock,
    accounts: ledger.accounts,
    reports: ledger.reports,
    flush: () => requests.writer.flush(FLUSH_MS),
    reserved: (tenant: TenantId) => leases.purses.purses().get(tenant)?.held ?? ZERO,
  };
  const { gateway, explanations } = requests;
  return [
    accountRoutes({ ...answering, ...money, gateway, explanations, receipts: ledger.receipts }),
    adminRoutes({ ...answering, ...money, ...administration(parts) }),
    healthRoutes({ ...answering, checks: () => healthChecks(parts) }),
    metricsRoutes({ ...answering, metrics }),
    openApiRoutes({
      ...answering,
      version: packageJson.version,
      adminOperations: adminOperations({ vendor: vendorSchema, model: modelSchema }),
    }),
    docsRoutes(answering),
  ];
}

function administration(parts: OperationParts) {
  const { ledger, leases, requests, keeper } = parts;
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
    applyManaged: keeper.applyManaged,
    health: leases.health,
    vendorLimitsLeft: (vendor: VendorId) => leases.host.find(VENDOR.name, vendor)?.summary,
    keyChanged: requests.identity.forget,
    async tenantChanged(tenant: TenantId) {
      requests.identity.forgetTenant(tenant);
      await leases.host.ask(TENANT, tenant, "refresh", null);
    },
    nodes: () => listNodes(ledger.sql),
    thisNode: () => nodeStatus(parts),
    actors: (most: number) => leases.host.snapshot(most),
    reconcile: () => reconcile(ledger.sql, booksOf(parts)),
  };
}

function nodeStatus({ ledger, requests, region, startedAt, isDraining, openWebSockets }: OperationParts) {
  return {
    id: ledger.node,
    region,
    state: isDraining() ? ("draining" as const) : ("ready" as const),
    startedAt,
    runningRequests: requests.openCharges.count,
    openWebSockets: openWebSockets(),
    spool: ledger.spool.depth,
  };
}

function booksOf({ ledger, leases, requests }: OperationParts) {
  const { openCharges, writer } = requests;
  return {
    node: ledger.node,
    flush: () => writer.flush(FLUSH_MS),
    purses: () => leases.purses.purses(),
    oldestHoldMs: () => openCharges.oldestMs,
    openIntents: () => ({ spooled: ledger.spool.depth.openIntents, running: openCharges.count }),
  };
}

/** A ledger that is away is no reason to turn warm clients away: only what it can no longer catch up with is. */
function healthChecks({ ledger, requests, isDraining }: OperationParts): readonly HealthCheck[] {
  const { spool } = ledger;
  const { writer } = requests;
  const check = (name: string, isWell: boolean, reason: string): HealthCheck =>
    isWell ? { name } : { name, reason };
  return [
    check("node", !isDraining(), "the node is stopping"),
    check(
      "spool",
      spool.isHealthy && !spool.isFull,
      spool.isFull ? "the spool is full" : "the disk refuses records",
    ),
    check("ledger", writer.lag < LAG_RECORDS, "the ledger is far behind"),
  ];
}
