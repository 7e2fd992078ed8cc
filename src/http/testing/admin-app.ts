import type { TestDatabase } from "../../../tests/postgres.ts";
import type { VendorView } from "../../actors/leases/leases.ts";
import { findingsOf } from "../../config/issues.ts";
import { loadConfig } from "../../config/load.ts";
import { vendorDefinitionFindings, withManaged } from "../../config/managed.ts";
import { modelSchema, vendorSchema } from "../../config/schema.ts";
import { nodeId } from "../../core/ids.ts";
import { silentLog } from "../../core/log.ts";
import { ManualClock } from "../../core/manual-clock.ts";
import { micropointsOf } from "../../core/points.ts";
import { systemRandom } from "../../core/random.ts";
import { createAccounts } from "../../ledger/accounts.ts";
import { createIdempotencyLedger } from "../../ledger/idempotency.ts";
import { createKeys, hashOf } from "../../ledger/keys.ts";
import { createManaged } from "../../ledger/managed.ts";
import { listNodes, registerNode } from "../../ledger/nodes.ts";
import { createReports } from "../../ledger/reports.ts";
import { createSeal } from "../../ledger/sealed.ts";
import { createTenants } from "../../ledger/tenants.ts";
import { type AdminPorts, adminRoutes } from "../admin/admin.ts";
import { createIdempotency, type Idempotency } from "../idempotent.ts";

export const ADMIN_KEY = "sk-admin-test";
const UNMEASURED: VendorView = {
  state: "closed",
  firstTokenMs: undefined,
  latencyMs: undefined,
  errorRatio: 0,
  cooling: new Set(),
};

function idempotencyOf({ sql }: TestDatabase, clock: ManualClock): Idempotency {
  const seal = createSeal(new Uint8Array(32).fill(3), systemRandom);
  const ledger = createIdempotencyLedger(sql, nodeId("node-1"), seal);
  return createIdempotency({ ledger, clock, log: silentLog });
}

/** The admin API over a real ledger, everything else standing still. What it told its ports is in `told`. */
export async function adminApp(database: TestDatabase, changes: Partial<AdminPorts> = {}) {
  const { sql } = database;
  const clock = new ManualClock();
  const random = systemRandom;
  const told: string[] = [];
  const file = "models: { declared: [{ vendor: sandbox, model: sandbox-chat, price: free }] }";
  const config = loadConfig({ env: {}, path: "sluice.yaml", readFile: () => file });
  const managed = createManaged(sql, createSeal(new Uint8Array(32).fill(1), random));
  let { catalog } = config;
  const node = nodeId("node-1");
  await registerNode(sql, node);
  const ports: AdminPorts = {
    clock,
    random,
    log: silentLog,
    countRequest: (...request) => void told.push(`counted ${request.join(" ")}`),
    adminKeyHash: hashOf(ADMIN_KEY),
    tokenSecret: new Uint8Array(32).fill(2),
    findingsOf,
    idempotency: idempotencyOf(database, clock),
    tenants: createTenants(sql),
    accounts: createAccounts(sql),
    keys: createKeys(sql, { clock, random }),
    reports: createReports(sql),
    managed,
    schemas: { vendor: vendorSchema, model: modelSchema },
    catalog: () => catalog,
    declared: () => config,
    vendorFindings: vendorDefinitionFindings,
    hookPath: (vendor) => `/v1/hooks/${vendor}/token`,
    async applyManaged() {
      const definitions = { vendors: await managed.vendors(), models: await managed.models() };
      ({ catalog } = withManaged(config.catalog, definitions));
    },
    health: { view: () => UNMEASURED },
    vendorLimitsLeft: () => ({ calls_today: 3 }),
    flush: async () => void told.push("flushed"),
    reserved: async () => micropointsOf(500_000n),
    tenantChanged: (tenant) => void told.push(`tenant ${tenant}`),
    keyChanged: (key) => void told.push(`key ${key}`),
    nodes: () => listNodes(sql),
    liveNodes: async () => [
      {
        id: node,
        region: "local",
        state: "ready",
        startedAt: 0,
        runningRequests: 1,
        openWebSockets: 2,
        shards: 128,
        spool: { bytes: 3, openIntents: 4, segments: 5 },
      },
    ],
    releaseNode: async (id, confirm) => {
      const held = { tenants: 2, points: micropointsOf(7_000_000n), lastSeen: 0 };
      if (id === "nobody") return { state: "unknown" };
      if (id === node) return { state: "running", held };
      return confirm ? { state: "released", held, returned: held.points } : { state: "held", held };
    },
    tasks: async () => [],
    actors: async () => ({ total: 0, actors: [] }),
    reconcile: async () => ({ ok: false, checks: [{ name: "usage_once", ok: false, detail: "1 wrong" }] }),
    ...changes,
  };
  const app = adminRoutes(ports);
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    key: string = ADMIN_KEY,
    more: Record<string, string> = {},
  ) => {
    const response = await app.handle(
      new Request(`http://localhost/admin/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, ...more },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : text,
    };
  };
  return { app, call, told, clock, ports };
}
