import type { Bus } from "../bus/bus.ts";
import type { Config } from "../config/config.ts";
import { systemClock as clock, sleep } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { systemRandom } from "../core/random.ts";
import { createLeasedGlobalLimiter } from "../gateway/global-limiter.ts";
import type { Idempotency } from "../http/idempotent.ts";
import { createMetrics, type Metrics } from "../http/metrics.ts";
import { createSeal } from "../ledger/sealed.ts";
import type { TicketStore } from "../ws/tickets.ts";
import { type Announcements, createAnnouncements } from "./announcements.ts";
import { type CatalogKeeper, keepCatalog } from "./catalog-keeper.ts";
import { type ClusterParts, joinCluster } from "./cluster-parts.ts";
import { type Front, openFront } from "./front.ts";
import { type LeaseParts, startActors } from "./lease-parts.ts";
import { derivedKey, type LedgerParts, openLedger } from "./ledger-parts.ts";
import { type MediaParts, openMedia } from "./media-parts.ts";
import { operationRoutes } from "./operations.ts";
import { createPeerTickets } from "./peer-tickets.ts";
import { globalLimiter, openRedis, type RedisParts, redisSource } from "./redis-parts.ts";
import { buildRequestPath, type RequestParts } from "./request-parts.ts";
import { joinStreams, openStreamLog } from "./stream-parts.ts";
import { openTasks } from "./task-parts.ts";
import { carryUsage, type UsageParts } from "./usage-parts.ts";
import { exposeAllWorkers } from "./workers/worker-metrics.ts";

/** A running gateway. */
export interface Node {
  readonly url: string;
  /** Takes a new configuration over. */
  apply(config: Config): Promise<void>;
  /** Resolves with the reason when this process is the node no longer: it must stop. */
  readonly over: Promise<string>;
  /** Drains and stops. */
  stop(): Promise<void>;
  /** Cuts the wait for running requests short. */
  hurry(): void;
}

/** How long requests that were stopped, leases and actors may take to settle. */
const SETTLE_MS = 5_000;
/** How long the ledger may take for what is in the spool when the node stops; the rest is applied at the next start. */
const LAST_FLUSH_MS = 10_000;

/** Puts the gateway together, from the ledger up, and starts it. */
export async function startNode(config: Config, log: Log): Promise<Node> {
  refuseUnsupported(config);
  const startedAt = clock.monotonic();
  const ledger = await openLedger(config, log);
  // At once: if something after this fails, nobody will be told again.
  if (ledger.admin.shownOnce !== undefined) showAdminKey(ledger.admin.shownOnce);
  const { worker } = config;
  const labels = worker === undefined ? {} : { worker: String(worker.number) };
  const metrics = createMetrics({ clock, labels });
  const cluster = await joinCluster(config, ledger.node, log);
  const shared = await openRedis(config, ledger.masterSecret, log);
  const leases = await startActors(ledger, cluster, metrics.telemetry, log);
  const liveNodes = () => cluster.peers.live().size;
  const global = globalLimiter(shared, createLeasedGlobalLimiter(leases.rates), liveNodes, log);
  const streamLog = await openStreamLog(cluster);
  const usage = await carryUsage(ledger, cluster, leases.purses, log);
  const { region, overload, upstream } = config;
  const { isConnected } = cluster;
  const media = await openMedia(config, ledger, log);
  const { keeper, catalog } = await keepCatalog(ledger, config, (next) => requests.apply(next), log);
  const requests = await buildRequestPath(
    ledger,
    leases,
    usage.carrier,
    metrics.telemetry,
    { catalog, region, overload, upstream, global, isConnected, processes: worker?.nodes.length ?? 1 },
    log,
  );
  const announcements = announceOn(cluster.bus, requests, keeper, log);
  const hurried = Promise.withResolvers<void>();
  let isDraining = false;
  const exposed = worker === undefined ? metrics : exposeAllWorkers(worker, cluster.peers, metrics);
  const operations = {
    exposed,
    cluster,
    announcements,
    ledger,
    leases,
    requests,
    usage,
    keeper,
    metrics,
    log,
    region,
    startedAt: clock.now(),
    isDraining: () => isDraining,
    openWebSockets: () => front.openWebSockets(),
  };
  const tasks = openTasks(ledger, cluster, requests, media, config, log);
  const mounted = (idempotency: Idempotency) => [
    ...operationRoutes(operations, idempotency),
    ...media.routes(requests.gateway, idempotency, metrics, log),
    ...tasks.routes(idempotency, metrics, config, log),
  ];
  // Before anything new is taken: what it finds of its own is of an earlier life.
  await tasks.runner.start();
  const tickets = ticketsOf(shared, cluster, ledger);
  const front = openFront(requests, metrics, config, log, mounted, ledger, tickets);
  const streams = streamLog && joinStreams(streamLog, front.streams, cluster, ledger, requests, log);
  metrics.watch({
    ...sourcesOf(ledger, cluster, usage, front),
    ...requests.sources,
    tasks: tasks.runner,
    ...(streams === undefined ? {} : { streams }),
    ...redisSource(shared, global),
  });
  if (worker === undefined) announce(log, front.url, clock.monotonic() - startedAt);
  else log.info("worker is ready", { node: ledger.node });
  return {
    url: front.url,
    over: ledger.over,
    apply: keeper.declare,
    hurry: hurried.resolve,
    async stop() {
      isDraining = true;
      log.info("draining: no new requests; running ones may end", { running: requests.openCharges.count });
      requests.gateway.close();
      tasks.runner.handOver();
      const patience = { ms: config.drainTimeoutMs, hurried: hurried.promise };
      await drainRequests(front, requests, patience, () => streams !== undefined && liveNodes() > 1, log);
      streams?.close();
      await front.close();
      await tasks.runner.close();
      const behind = { ledger, cluster, shared, leases, usage, media, requests, announcements, metrics };
      await closeBehindFront(behind, log);
      log.info("stopped");
    },
  };
}

/** What metrics read of the parts that every node has. */
function sourcesOf(ledger: LedgerParts, cluster: ClusterParts, usage: UsageParts, front: Front) {
  return {
    openWebSockets: () => front.openWebSockets(),
    spoolDepth: () => ledger.spool.depth,
    ledgerLag: () => usage.carrier.lag,
    liveNodes: () => cluster.peers.live().size,
    ownedShards: cluster.ownedShards,
    isConnected: cluster.isConnected,
    ...(usage.steps === undefined ? {} : { usageSteps: usage.steps }),
  };
}

interface PartsBehindFront {
  readonly ledger: LedgerParts;
  readonly cluster: ClusterParts;
  readonly shared: RedisParts;
  readonly leases: LeaseParts;
  readonly usage: UsageParts;
  readonly media: MediaParts;
  readonly requests: RequestParts;
  readonly announcements: Announcements;
  readonly metrics: Metrics;
}

/** Closes what nobody asks any more, the ledger last. */
async function closeBehindFront(parts: PartsBehindFront, log: Log): Promise<void> {
  const { ledger, cluster, shared, leases, usage, media, requests, announcements, metrics } = parts;
  await media.close();
  await usage.carrier
    .flush(LAST_FLUSH_MS)
    .catch((cause: unknown) => log.warn("the spool is kept for the next start", { cause: String(cause) }));
  await leases.close(SETTLE_MS);
  announcements.close();
  await usage.close();
  await cluster.close();
  await shared.close();
  metrics.close();
  await requests.close();
  await ledger.close();
}

/** Lets running requests end; those that still run when the patience is over are stopped and settled. */
async function drainRequests(
  { streams, sockets }: Front,
  { openCharges }: RequestParts,
  patience: { readonly ms: number; readonly hurried: Promise<void> },
  mayLeaveStreams: () => boolean,
  log: Log,
): Promise<void> {
  const idle = openCharges.whenIdle();
  await Promise.race([idle, patience.hurried, sleep(clock, patience.ms)]);
  if (mayLeaveStreams()) {
    const left = await Promise.race([streams.handOverAll(), sleep(clock, SETTLE_MS)]);
    log.info("running streams were left to other nodes", { streams: left ?? "not in time" });
  }
  const stopped = openCharges.stopAll();
  if (stopped > 0) log.warn("running requests were stopped and charged for what they delivered", { stopped });
  // A stream's last frame leaves after its charge is settled: sockets get a little longer than the streams.
  await Promise.all([
    streams.closeAll(SETTLE_MS),
    sockets.drain(SETTLE_MS),
    Promise.race([idle, sleep(clock, SETTLE_MS)]),
  ]);
}

/** Follows what other nodes change: keys, tenants, vendors and models. */
function announceOn(bus: Bus, { identity }: RequestParts, keeper: CatalogKeeper, log: Log): Announcements {
  return createAnnouncements(bus, {
    keyChanged: identity.forget,
    tenantChanged: identity.forgetTenant,
    catalogChanged: () =>
      void keeper
        .applyManaged()
        .catch((cause: unknown) => log.error("a change of the catalog was missed", { cause: String(cause) })),
  });
}

/** Tickets of WebSockets: in Redis, else with the node that made them. */
function ticketsOf({ redis, tickets }: RedisParts, cluster: ClusterParts, ledger: LedgerParts): TicketStore {
  if (redis !== undefined || cluster.nats === undefined) return tickets;
  const seal = createSeal(derivedKey(ledger.masterSecret, "tickets"), systemRandom);
  return createPeerTickets(tickets, cluster.peers, seal);
}

/** What cannot work is said at once, not found out later. */
export function refuseUnsupported(config: Config): void {
  if (config.natsUrls.length > 0 && config.databaseUrl === undefined) {
    throw new Error(
      "NATS_URL joins nodes that share one ledger: set DATABASE_URL to the Postgres of all of them.",
    );
  }
  if (config.natsUrls.length > 0 && config.masterSecret === undefined) {
    throw new Error(
      "NATS_URL joins nodes that share one secret: set SLUICE_MASTER_SECRET alike on all of them.",
    );
  }
}

/** Tells the log where the node listens, and how long it took to get there. */
export function announce(log: Log, url: string, startMs: number): void {
  log.info(`listening on ${url}`, { started_ms: Math.round(startMs) });
  log.info(`documentation on ${url}/docs`);
}

/** Past the log, which leaves out whatever looks like a key. */
export function showAdminKey(key: string): void {
  const line = "the admin key, shown this once";
  process.stdout.write(
    process.stdout.isTTY
      ? `${line}: ${key}\n`
      : `${JSON.stringify({ level: "info", message: line, admin_key: key })}\n`,
  );
}
