import { Counter, Gauge, Registry } from "prom-client";
import { TIERS, type Tier } from "../core/catalog.ts";
import type { Clock } from "../core/clock.ts";
import { USAGE_CLASSES } from "../core/usage.ts";
import type { Telemetry } from "../gateway/telemetry.ts";
import type { UsageSteps } from "../ledger/usage-stream/steps.ts";
import { type EventLoopLag, watchEventLoop } from "./event-loop-lag.ts";
import { createCells, type LabelledCells, type Labels } from "./labelled-cells.ts";
import { observationCells } from "./observation-cells.ts";
import { addClusterStreams, type ClusterStreamsSource } from "./stream-metrics.ts";
import { addTasks, type TaskSource } from "./task-metrics.ts";
import { addConnections, type ConnectionSource } from "./upstream-metrics.ts";

/** What is read when somebody scrapes. */
export interface MetricSources {
  openWebSockets(): number;
  spoolDepth(): { readonly bytes: number; readonly openIntents: number; readonly segments: number };
  ledgerLag(): number;
  liveNodes(): number;
  ownedShards(): number;
  isConnected(): boolean;
  overload(): {
    readonly limit: number;
    readonly memory: number;
    readonly refusing: readonly Tier[];
    readonly shed: Readonly<Record<Tier, number>>;
  };
  /** Absent on a node that is alone. */
  usageSteps?(): UsageSteps;
  /** Absent on a node that is alone. */
  readonly streams?: ClusterStreamsSource;
  readonly tasks?: TaskSource;
  readonly connections?: ConnectionSource;
  /** Absent where REDIS_URL is not set. */
  readonly redis?: RedisSource;
}

export interface RedisSource {
  isUp(): boolean;
  /** Of the limit on everything; kept up to date where it is. */
  readonly limit: { readonly admittedAlone: number; readonly draws: number; readonly isAlone: boolean };
}

export interface Metrics {
  readonly telemetry: Telemetry;
  /** Counts an answered request; `endpoint` is the route's pattern, never a path. */
  countRequest(method: string, endpoint: string, status: number): void;
  /** Adds what can only be read once all parts are there. */
  watch(sources: MetricSources): void;
  /** Everything in Prometheus' text format. */
  expose(): Promise<{ readonly text: string; readonly contentType: string }>;
  close(): void;
}

const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
/** Seconds: from an embedding to the longest reasoning. */
const RESPONSE_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600];
const FIRST_TOKEN_BUCKETS = [0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 60];
/** Points. */
const COST_BUCKETS = [0.00001, 0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 50, 100];

export interface MetricsOptions {
  readonly clock: Clock;
  /** Every sample has them, to tell processes apart. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** The metrics of one process, in a registry of their own. */
export function createMetrics({ clock, labels = {} }: MetricsOptions): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  const lag = watchEventLoop(clock);
  const requests = counter(registry, "api_request_total", "Requests answered.", [
    "method",
    "endpoint",
    "status",
  ]);
  let streams = 0;
  gauge(registry, "active_streams", "Streams running on this node.", () => streams);
  addProcessMetrics(registry, lag);
  return {
    telemetry: {
      ...generationTelemetry(registry),
      streamOpened() {
        streams += 1;
      },
      streamClosed() {
        streams -= 1;
      },
    },
    countRequest(method, endpoint, status) {
      requests.at(METHODS.has(method) ? method : "other", endpoint, String(status)).value += 1;
    },
    watch: (sources) => addSources(registry, sources),
    expose: async () => ({ text: await registry.metrics(), contentType: registry.contentType }),
    close: lag.close,
  };
}

function generationTelemetry(
  registry: Registry,
): Pick<
  Telemetry,
  "generationEnded" | "attemptFailed" | "anotherVendor" | "firstToken" | "lease" | "ownerAsked"
> {
  const vendorTime = observationCells(
    registry,
    "ai_model_response_time",
    "Seconds from the call of a vendor to the end of its answer.",
    ["vendor", "model", "region"],
    RESPONSE_BUCKETS,
  );
  const firstToken = observationCells(
    registry,
    "ai_time_to_first_token",
    "Seconds from the call of a vendor to its first content.",
    ["vendor", "model", "region"],
    FIRST_TOKEN_BUCKETS,
  );
  const costs = observationCells(
    registry,
    "cost_per_request",
    "Points charged for one request.",
    ["vendor", "model", "user_tier"],
    COST_BUCKETS,
  );
  const ended = counter(registry, "ai_generation_total", "Generations ended.", ["operation", "outcome"]);
  const tokens = counter(registry, "ai_token_total", "Usage by class: tokens, images, seconds.", [
    "vendor",
    "model",
    "class",
  ]);
  const losses = counter(
    registry,
    "platform_loss_points_total",
    "Points consumed but not paid by a tenant.",
    ["vendor", "model"],
  );
  const failures = counter(registry, "ai_attempt_failure_total", "Calls of a vendor that failed.", [
    "vendor",
    "model",
    "fault",
    "code",
  ]);
  const others = counter(
    registry,
    "ai_another_vendor_total",
    "Further vendors asked for one answer: to go on with it, or beside a slow one.",
    ["why", "vendor", "model", "result"],
  );
  const leases = counter(
    registry,
    "lease_take_total",
    "Takes from a lease: hits, and misses that had to ask.",
    ["lease", "result"],
  );
  const asks = counter(registry, "owner_ask_total", "Asks to owners of shared quantities.", [
    "actor",
    "command",
  ]);
  return {
    generationEnded(event) {
      const { vendor, model } = event;
      ended.at(event.operation, event.outcome).value += 1;
      // No vendor was reached: nothing was used, and the model may be any text that a client sent.
      if (vendor === null) return;
      if (event.vendorSeconds !== null)
        vendorTime.at(vendor, model, event.region).observe(event.vendorSeconds);
      costs.at(vendor, model, event.tier).observe(points(event.cost));
      if (event.loss > 0n) losses.at(vendor, model).value += points(event.loss);
      for (const name of USAGE_CLASSES) {
        const amount = event.usage[name] ?? 0;
        if (amount > 0) tokens.at(vendor, model, name).value += amount;
      }
    },
    attemptFailed({ vendor, model, fault, code }) {
      failures.at(vendor, model, fault, code).value += 1;
    },
    anotherVendor({ why, vendor, model, serves }) {
      others.at(why, vendor, model, serves ? "served" : "lost").value += 1;
    },
    firstToken(vendor, model, region, seconds) {
      firstToken.at(vendor, model, region).observe(seconds);
    },
    lease(kind, result) {
      leases.at(kind, result).value += 1;
    },
    ownerAsked(actor, command) {
      asks.at(actor, command).value += 1;
    },
  };
}

/** For graphs only: a float is exact enough there, and nowhere else. */
const points = (micropoints: bigint): number => Number(micropoints) / 1_000_000;

interface Count<Name extends string> {
  readonly labels: Labels<Name>;
  value: number;
}

/** A counter whose cells are plain numbers until somebody scrapes. */
function counter<Name extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Name[],
): LabelledCells<Count<Name>> {
  const cells = createCells(labelNames, (labels): Count<Name> => ({ labels, value: 0 }));
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of cells.all()) this.inc(labels, value);
    },
  });
  return cells;
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

function addSources(registry: Registry, sources: MetricSources): void {
  const { openWebSockets, spoolDepth, ledgerLag, liveNodes, ownedShards, isConnected, usageSteps } = sources;
  gauge(registry, "open_websockets", "WebSockets open on this node.", openWebSockets);
  gauge(registry, "spool_depth_bytes", "Bytes in the spool.", () => spoolDepth().bytes);
  gauge(registry, "spool_segments", "Files of the spool.", () => spoolDepth().segments);
  gauge(
    registry,
    "spool_open_intents",
    "Requests in the spool that have not ended.",
    () => spoolDepth().openIntents,
  );
  gauge(registry, "ledger_lag_records", "Records in the spool that the ledger does not have yet.", ledgerLag);
  gauge(registry, "cluster_live_nodes", "Nodes that this one sees alive, itself included.", liveNodes);
  gauge(registry, "cluster_owned_shards", "Shards of actors that this node owns.", ownedShards);
  gauge(
    registry,
    "in_flight_limit",
    "Requests that may run at once, as the node feels.",
    () => sources.overload().limit,
  );
  gauge(
    registry,
    "refused_tiers",
    "Tiers that are refused for overload: 1 test, 2 normal too, 3 all.",
    () => sources.overload().refusing.length,
  );
  gauge(
    registry,
    "memory_used_ratio",
    "Part of the memory that the process may have.",
    () => sources.overload().memory,
  );
  addShed(registry, () => sources.overload().shed);
  gauge(registry, "cluster_connected", "1 while this node can hear the others.", () => Number(isConnected()));
  if (usageSteps !== undefined) addUsageSteps(registry, usageSteps);
  if (sources.streams !== undefined) addClusterStreams(registry, sources.streams);
  if (sources.tasks !== undefined) addTasks(registry, sources.tasks);
  if (sources.connections !== undefined) addConnections(registry, sources.connections);
  if (sources.redis !== undefined) addRedis(registry, sources.redis);
}

function addRedis(registry: Registry, { isUp, limit }: RedisSource): void {
  gauge(registry, "redis_connected", "1 while Redis can be reached.", () => Number(isUp()));
  gauge(
    registry,
    "global_limit_split",
    "1 while each node counts its part of the limit on everything by itself, since Redis does not answer.",
    () => Number(limit.isAlone),
  );
  readCounter(
    registry,
    "global_limit_draw_total",
    "Slices of the limit on everything that were asked of Redis.",
    () => limit.draws,
  );
  readCounter(
    registry,
    "global_limit_split_total",
    "Requests admitted by this node's own part of the limit on everything.",
    () => limit.admittedAlone,
  );
}

/** A counter without labels that is counted elsewhere. */
function readCounter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function addUsageSteps(registry: Registry, read: () => UsageSteps): void {
  new Counter({
    name: "usage_stream_total",
    help: "Batches of usage by what happened to them here; begun_anew: how often sending began anew.",
    labelNames: ["step"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [step, count] of Object.entries(read())) this.inc({ step }, count);
    },
  });
}

/** Counted where it happens; shown as it is. */
function addShed(registry: Registry, shed: () => Readonly<Record<Tier, number>>): void {
  new Counter({
    name: "shed_request_total",
    help: "Requests refused because the node had too much to do.",
    labelNames: ["user_tier"],
    registers: [registry],
    collect() {
      this.reset();
      for (const tier of TIERS) this.inc({ user_tier: tier }, shed()[tier]);
    },
  });
}

function addProcessMetrics(registry: Registry, lag: EventLoopLag): void {
  gauge(registry, "event_loop_lag_seconds", "Worst delay of a timer in the last ten seconds.", lag.worst);
  gauge(registry, "process_resident_memory_bytes", "Memory of the process.", () => process.memoryUsage().rss);
  gauge(registry, "process_heap_bytes", "Used JavaScript heap.", () => process.memoryUsage().heapUsed);
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the process, user and system.",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}
