import { hkdfSync } from "node:crypto";
import { join, resolve } from "node:path";
import { createActorHost } from "./actors/host.ts";
import { createBudgetLeases } from "./actors/leases/budget-leases.ts";
import { createPurseLeases } from "./actors/leases/purse-leases.ts";
import { createQuotaLeases } from "./actors/leases/quota-leases.ts";
import { createRateLeases } from "./actors/leases/rate-leases.ts";
import { createVendorHealth } from "./actors/leases/vendor-health.ts";
import { createSingleNodePlacement } from "./actors/single-node-placement.ts";
import { tenantActor } from "./actors/tenant.ts";
import { vendorActor } from "./actors/vendor.ts";
import type { Adapter } from "./adapters/adapter.ts";
import { createAdapters } from "./adapters/registry.ts";
import { createInProcessBus } from "./bus/in-process.ts";
import type { Config } from "./config/config.ts";
import { openDataDirectory } from "./config/data-directory.ts";
import { configPath, loadConfig } from "./config/load.ts";
import { ConfigError, formatProblem } from "./config/problems.ts";
import { readTextFile } from "./config/read-file.ts";
import { systemTriggers } from "./config/reload-triggers.ts";
import { watchConfig } from "./config/watch.ts";
import type { Catalog, Tier } from "./core/catalog.ts";
import { systemClock as clock, sleep } from "./core/clock.ts";
import { nodeId, vendorId } from "./core/ids.ts";
import { createLog, type Log } from "./core/log.ts";
import { systemRandom as random } from "./core/random.ts";
import type { ChargeSpool } from "./gateway/charge.ts";
import { createGateway } from "./gateway/create.ts";
import { Deadlines } from "./gateway/deadlines.ts";
import { createExplanations } from "./gateway/explain.ts";
import { createIdentity } from "./gateway/identity.ts";
import { createLeasedAdmission } from "./gateway/leased-admission.ts";
import { OpenCharges } from "./gateway/open-charges.ts";
import { buildRoutes, type Routes } from "./gateway/routes.ts";
import { StreamRegistry } from "./gateway/streams/registry.ts";
import { createVendorDesk } from "./gateway/vendor-desk.ts";
import { createApp } from "./http/app.ts";
import { secretOf } from "./http/credential.ts";
import { errorBody, errorResponse } from "./http/errors.ts";
import { createMetrics } from "./http/metrics.ts";
import { generationRoutes } from "./http/openai/generations.ts";
import { modelRoutes } from "./http/openai/models.ts";
import { toolCallDelta } from "./http/openai/stream-entries.ts";
import { toOpenAiUsage } from "./http/openai/usage.ts";
import { streamRoutes } from "./http/stream-routes.ts";
import { createAccounts } from "./ledger/accounts.ts";
import { adminKey } from "./ledger/admin-key.ts";
import { connect, type Sql } from "./ledger/database.ts";
import { claim } from "./ledger/embedded/claim.ts";
import { startEmbeddedPostgres } from "./ledger/embedded/embedded-postgres.ts";
import { createKeys } from "./ledger/keys.ts";
import { migrate } from "./ledger/migrate.ts";
import { openSpool } from "./ledger/open-spool.ts";
import { createPrices, type Prices, priceIdOf } from "./ledger/prices.ts";
import { createReceipts } from "./ledger/receipts.ts";
import { reconcile } from "./ledger/reconcile.ts";
import { createReports } from "./ledger/reports.ts";
import type { Spool } from "./ledger/spool/spool.ts";
import { createTenants } from "./ledger/tenants.ts";
import { UsageWriter } from "./ledger/usage-writer.ts";
import { socketRoutes } from "./ws/routes.ts";
import { WebSockets } from "./ws/socket.ts";
import { createTicketStore } from "./ws/tickets.ts";

/** How long requests that were stopped at the drain's end may take to settle. */
const SETTLE_MS = 5_000;
/** How long the ledger may take for what is in the spool when the node stops; the rest is applied at the next start. */
const LAST_FLUSH_MS = 10_000;
/** How long a question about a balance waits for the ledger to have everything. */
const FLUSH_MS = 5_000;

const DATABASE_CONNECTIONS = 20;
/** Bun cuts bodies past its own limit without an answer; ours comes first and says what is wrong. */
const BODY_SLACK_BYTES = 1024 * 1024;

/** A running gateway. */
interface Node {
  readonly url: string;
  /** Takes a new configuration over. */
  apply(config: Config): Promise<void>;
  /** Drains and stops. `hurry` cuts the waiting for running requests short. */
  stop(): Promise<void>;
  hurry(): void;
}

/** Puts the gateway together and starts it. */
async function startNode(config: Config, log: Log): Promise<Node> {
  refuseUnsupported(config);
  const startedAt = clock.monotonic();
  const dataDirectory = resolve(config.dataDirectory);
  const disk = openDataDirectory(dataDirectory, random);
  const claimed = await claim(dataDirectory);
  const masterSecret = config.masterSecret ?? disk.masterSecret;
  const node = nodeId(config.nodeId ?? disk.nodeId);
  const { region, bodyLimitBytes } = config;

  // The ledger. What a former run left in the spool is applied before anything new is taken.
  const database = await openDatabase(config, dataDirectory, log);
  const { sql } = database;
  const admin = await adminKey(sql, config.adminKey, random);
  const directory = join(dataDirectory, "spool");
  const { spool, recovered } = await openSpool({ sql, directory, node, region, clock, log });
  const accounts = createAccounts(sql);
  const keys = createKeys(sql, { clock, random });
  const prices = createPrices(sql);
  const reports = createReports(sql);
  const receipts = createReceipts(sql, derivedKey(masterSecret, "receipts"));

  // The actors, and what this node leases from them.
  const bus = createInProcessBus({ clock });
  const metrics = createMetrics({ clock });
  const actors = [
    tenantActor({ ...accounts, spentByKey: reports.spentByKey }),
    vendorActor((vendor, since) => reports.callsByVendor(vendorId(vendor), since)),
  ];
  const placement = createSingleNodePlacement(node);
  const host = createActorHost({ bus, clock, random, log, node, placement, actors });
  await host.start();
  const leasePorts = { node, clock, random, log, bus, ask: host.ask, counter: metrics.telemetry };
  const purses = createPurseLeases(leasePorts);
  const rates = createRateLeases(leasePorts);
  const budgets = createBudgetLeases(leasePorts);
  const quotas = createQuotaLeases(leasePorts);
  const health = createVendorHealth(leasePorts);
  const onBooked = purses.booked.bind(purses);
  const writer = new UsageWriter({ sql, spool, node, clock, log, from: recovered.position, onBooked });

  // The path of a request.
  const adapters = createAdapters({ clock });
  let routes = await routesOf(config.catalog, adapters, prices, log);
  const tierLimit = (tier: Tier) => routes.catalog.tiers[tier];
  const openCharges = new OpenCharges(clock);
  const deadlines = new Deadlines(clock);
  const explanations = createExplanations();
  const identity = createIdentity({ clock, find: keys.find });
  const gateway = createGateway(identity, {
    clock,
    random,
    log,
    node,
    region,
    deadlines,
    explanations,
    openCharges,
    telemetry: metrics.telemetry,
    routes: () => routes,
    network: (call, signal) => fetch(call.url, { ...call, signal, redirect: "manual", keepalive: true }),
    desk: createVendorDesk({ health, rates, quotas }),
    admission: createLeasedAdmission({ purses, budgets, rates, tierLimit }),
    spool: wakingSpool(spool, writer),
  });
  const streams = new StreamRegistry(clock);
  const sockets = new WebSockets({
    clock,
    random,
    log,
    gateway,
    streams,
    bodyLimitBytes,
    secretOf,
    errorResponse,
    tickets: createTicketStore(clock),
    shapes: { usage: toOpenAiUsage, toolCall: toolCallDelta, errorBody },
  });

  // The front.
  const { countRequest } = metrics;
  const createdAt = Math.floor(clock.now() / 1_000);
  const app = createApp({ log, random, countRequest })
    .use(generationRoutes({ gateway, streams, clock, random, bodyLimitBytes, countRequest }))
    .use(modelRoutes({ gateway, random, createdAt, countRequest }))
    .use(streamRoutes({ gateway, streams, random, countRequest }))
    .use(socketRoutes(sockets));
  const server = Bun.serve({
    hostname: config.host,
    port: config.port,
    maxRequestBodySize: bodyLimitBytes + BODY_SLACK_BYTES,
    fetch: app.fetch,
    websocket: sockets.handler,
  });
  app.server = server;
  const url = `http://${config.host === "0.0.0.0" ? "localhost" : config.host}:${server.port}`;
  announce(log, url, admin.shownOnce, clock.monotonic() - startedAt);

  let hurry = () => {};
  return {
    url,
    async apply(next) {
      routes = await routesOf(next.catalog, adapters, prices, log);
    },
    hurry: () => hurry(),
    async stop() {
      const hurried = new Promise<void>((resolve) => {
        hurry = resolve;
      });
      const patience = { ms: config.drainTimeoutMs, hurried };
      log.info("draining: no new requests; running ones may end", { running: openCharges.count });
      await drainRequests({ streams, sockets, openCharges }, patience, log);
      await server.stop(true);
      await writer
        .flush(LAST_FLUSH_MS)
        .catch((cause: unknown) =>
          log.warn("the spool is kept for the next start", { cause: String(cause) }),
        );
      await Promise.all([
        purses.drain(SETTLE_MS),
        rates.drain(SETTLE_MS),
        budgets.drain(SETTLE_MS),
        quotas.drain(SETTLE_MS),
      ]);
      health.close();
      await host.stop(SETTLE_MS);
      await bus.close();
      deadlines.close();
      metrics.close();
      await writer.stop();
      await spool.close();
      await database.close();
      await claimed.release();
      log.info("stopped");
    },
  };
}

/** The routes of a catalog, its prices written down first so that every receipt can show what it applied. */
async function routesOf(
  catalog: Catalog,
  adapters: ReadonlyMap<string, Adapter>,
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

/** The spool, waking the writer whenever there is something for the ledger. */
function wakingSpool(spool: Spool, writer: UsageWriter): ChargeSpool {
  return {
    intent: (record) => spool.intent(record),
    progress: (record) => spool.progress(record),
    async usage(record) {
      await spool.usage(record);
      writer.wake();
    },
  };
}

interface Database {
  readonly sql: Sql;
  close(): Promise<void>;
}

/** The configured Postgres, else one of our own; migrated. */
async function openDatabase(config: Config, dataDirectory: string, log: Log): Promise<Database> {
  const onProgress = (line: string) => log.info(line);
  const directory = join(dataDirectory, "postgres");
  const embedded =
    config.databaseUrl === undefined
      ? await startEmbeddedPostgres({ directory, clock, random, onProgress })
      : undefined;
  const sql = connect(config.databaseUrl ?? embedded?.url ?? "", { max: DATABASE_CONNECTIONS });
  const close = async () => {
    await sql.end({ timeout: 5 });
    await embedded?.stop();
  };
  try {
    const { applied } = await migrate(sql);
    if (applied.length > 0) log.info("the ledger's schema is up to date", { migrations: applied.length });
    return { sql, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Lets running requests end; those that still run when the patience is over are stopped and settled. */
async function drainRequests(
  parts: {
    readonly streams: StreamRegistry;
    readonly sockets: WebSockets;
    readonly openCharges: OpenCharges;
  },
  patience: { readonly ms: number; readonly hurried: Promise<void> },
  log: Log,
): Promise<void> {
  const { streams, sockets, openCharges } = parts;
  const idle = openCharges.whenIdle();
  await Promise.race([idle, patience.hurried, sleep(clock, patience.ms)]);
  const stopped = openCharges.stopAll();
  if (stopped > 0) log.warn("running requests were stopped and charged for what they delivered", { stopped });
  await Promise.all([
    streams.closeAll(SETTLE_MS),
    sockets.drain(SETTLE_MS),
    Promise.race([idle, sleep(clock, SETTLE_MS)]),
  ]);
}

/** What the configuration asks for and this version cannot do is said at once, not left out silently. */
function refuseUnsupported(config: Config): void {
  if (config.natsUrls.length > 0)
    throw new Error("NATS_URL is set, but this version runs on one node only. Unset it.");
  if (config.redisUrl !== undefined)
    throw new Error("REDIS_URL is set, but this version keeps its cache in memory. Unset it.");
}

/** A key of its own for each purpose, so that none stands for another. */
function derivedKey(masterSecret: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", masterSecret, new Uint8Array(), `sluice ${purpose}`, 32));
}

function announce(log: Log, url: string, firstAdminKey: string | undefined, startMs: number): void {
  log.info(`listening on ${url}`, { started_ms: Math.round(startMs) });
  log.info(`documentation on ${url}/docs`);
  // Past the log: it leaves out whatever looks like a key.
  if (firstAdminKey !== undefined) {
    const line = "the admin key, shown this once";
    process.stdout.write(
      process.stdout.isTTY
        ? `${line}: ${firstAdminKey}\n`
        : `${JSON.stringify({ level: "info", message: line, admin_key: firstAdminKey })}\n`,
    );
  }
}

async function main(): Promise<void> {
  const log = createLog({ terminal: process.stdout.isTTY === true });
  const load = () => loadConfig({ env: process.env, readFile: readTextFile });
  let config: Config;
  try {
    config = load();
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    for (const problem of thrown.problems) log.error(formatProblem(problem));
    process.exit(1);
  }
  const node = await startNode(config, log);
  const path = configPath({ env: process.env });
  const watch = watchConfig({
    current: config,
    path,
    load,
    apply: node.apply,
    triggers: systemTriggers(log),
    clock,
    log,
  });
  let isStopping = false;
  const stop = () => {
    if (isStopping) return node.hurry();
    isStopping = true;
    watch.stop();
    node.stop().then(
      () => process.exit(0),
      (thrown: unknown) => fail(log, thrown),
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

function fail(log: Log, thrown: unknown): never {
  log.error(thrown instanceof Error ? thrown.message : String(thrown));
  process.exit(1);
}

if (import.meta.main) {
  main().catch((thrown: unknown) => fail(createLog({ terminal: process.stdout.isTTY === true }), thrown));
}
