import type { Subscription } from "../../bus/bus.ts";
import { type Algorithm, PLAIN_ALGORITHM } from "../../core/algorithms.ts";
import { type Cancel, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { GLOBAL, LIMIT, modelKey } from "../limit.ts";
import type { ShareOwner } from "../limit-owner.ts";
import { LEASE_SWEEP_MS, MAX_LEASES } from "../limits.ts";
import { shardOf } from "../shard.ts";
import { ANY_REBALANCE, type Rebalance, SHARDS_ACQUIRED, type ShardsAcquired } from "../subjects.ts";
import { TENANT } from "../tenant-protocol.ts";
import { VENDOR } from "../vendor-protocol.ts";
import type { Capacity, RateDenied, RateLeases, RateScope, RateTaken, TokensTaken } from "./leases.ts";
import type { ToldLimit } from "./node-part.ts";
import type { LeasePorts } from "./ports.ts";
import { RateLease } from "./rate-lease.ts";

/**
 * This node's parts of the rates and slots of tenants, keys and vendors.
 *
 * @example
 * const rates = createRateLeases({ node, clock, random, log, bus, ask: host.ask, counter });
 * const taken = rates.take({ kind: "tenant", tenant }, { qps: 100, burst: 200 });  // or a Promise
 * if (taken.ok) taken.release();                       // when the request has ended, always
 * await rates.drain(2_000);                            // before the host stops
 */
export const createRateLeases = (ports: LeasePorts): RateLeases => new NodeRates(ports);

const UNLIMITED: TokensTaken = {
  ok: true,
  remaining: Number.POSITIVE_INFINITY,
  state: undefined,
  release() {},
  undo() {},
  settle() {},
};

class NodeRates implements RateLeases {
  readonly #leases = {
    tenant: new Map<string, RateLease>(),
    key: new Map<string, RateLease>(),
    vendor: new Map<string, RateLease>(),
    api: new Map<string, RateLease>(),
    model: new Map<string, RateLease>(),
    tokens: new Map<string, RateLease>(),
    global: new Map<string, RateLease>(),
  };
  /** All of them as their owners call them. */
  readonly #byName = new Map<string, RateLease>();
  /** Leases under another algorithm than their limit has now, until they are given back. */
  readonly #former = new Set<RateLease>();
  readonly #subscriptions: readonly Subscription[];
  readonly #cancelSweep: Cancel;
  #isDraining = false;

  constructor(readonly ports: LeasePorts) {
    this.#cancelSweep = ports.clock.every(LEASE_SWEEP_MS, () => this.#sweep());
    // Only owners of limits and their hosts write on these subjects.
    this.#subscriptions = [
      ports.bus.subscribe(ANY_REBALANCE, (told) => this.#rebalance(told as Rebalance)),
      ports.bus.subscribe(SHARDS_ACQUIRED, (told) =>
        this.#tellNewOwner(new Set((told as ShardsAcquired).shards)),
      ),
    ];
  }

  take(
    scope: RateScope,
    limit: Capacity,
    now?: number,
  ): RateTaken | RateDenied | Promise<RateTaken | RateDenied> {
    return this.takeTokens(scope, limit, 1, now);
  }

  takeTokens(
    scope: RateScope,
    limit: Capacity,
    count: number,
    now = this.ports.clock.monotonic(),
  ): TokensTaken | RateDenied | Promise<TokensTaken | RateDenied> {
    if (limit.qps === undefined && limit.concurrency === undefined) return UNLIMITED;
    const id = idOf(scope);
    let lease = this.#leases[scope.kind].get(id);
    if (lease === undefined || lease.algorithm !== (limit.algorithm ?? PLAIN_ALGORITHM)) {
      lease = this.#open(scope, id, limit, lease);
    }
    const taken = lease.take(limit, count, now);
    this.ports.counter?.lease(
      scope.kind === "vendor" ? "vendor" : "rate",
      taken instanceof Promise ? "miss" : "hit",
    );
    return taken;
  }

  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.ports;
    this.#isDraining = true;
    this.#cancelSweep();
    for (const subscription of this.#subscriptions) subscription.close();
    const leases = [...this.#all()];
    for (const lease of leases) lease.leave();
    const until = clock.monotonic() + deadlineMs;
    while (clock.monotonic() < until && leases.some((lease) => !lease.isQuiet))
      await sleep(clock, DRAIN_POLL_MS);
    for (const lease of leases) lease.close();
  }

  #open(scope: RateScope, id: string, limit: Capacity, former: RateLease | undefined): RateLease {
    const leases = this.#leases[scope.kind];
    if (this.#isDraining || leases.size + this.#former.size >= MAX_LEASES) {
      throw new SluiceError("overloaded", "This node takes no more limits at the moment.", {
        retryAfterMs: 1_000,
      });
    }
    if (former !== undefined) {
      this.#former.add(former);
      former.leave();
    }
    const algorithm = limit.algorithm ?? PLAIN_ALGORITHM;
    const owner = ownerOf(scope);
    const limitName = limitNameOf(scope, algorithm);
    const lease = new RateLease(this.ports, owner, limitName, toldOf(scope), algorithm, limit);
    leases.set(id, lease);
    this.#byName.set(fullName(owner.kind.name, owner.key, limitName), lease);
    return lease;
  }

  #rebalance({ kind, key, limit }: Rebalance): void {
    this.#byName.get(fullName(kind, key, limit))?.renew();
  }

  #tellNewOwner(shards: ReadonlySet<number>): void {
    for (const lease of this.#all()) {
      const { kind, key } = lease.owner;
      if (shards.has(shardOf(kind.name, key))) lease.renew();
    }
  }

  #sweep(): void {
    const now = this.ports.clock.monotonic();
    for (const leases of Object.values(this.#leases)) {
      for (const [id, lease] of leases) {
        if (!lease.sweep(now)) continue;
        leases.delete(id);
        this.#byName.delete(fullName(lease.owner.kind.name, lease.owner.key, lease.limitName));
      }
    }
    for (const lease of this.#former) if (lease.sweep(now)) this.#former.delete(lease);
  }

  *#all(): Generator<RateLease> {
    for (const leases of Object.values(this.#leases)) yield* leases.values();
    yield* this.#former;
  }
}

const DRAIN_POLL_MS = 10;

function idOf(scope: RateScope): string {
  switch (scope.kind) {
    case "tenant":
      return scope.tenant;
    case "key":
      return scope.key;
    case "vendor":
      return scope.vendor;
    case "api":
      return scope.id;
    case "model":
    case "tokens":
      return scope.model;
    case "global":
      return GLOBAL;
  }
}

function ownerOf(scope: RateScope): ShareOwner {
  switch (scope.kind) {
    case "tenant":
    case "key":
    case "api":
      return { kind: TENANT, key: scope.tenant };
    case "vendor":
      return { kind: VENDOR, key: scope.vendor };
    case "model":
    case "tokens":
      return { kind: LIMIT, key: modelKey(scope.model) };
    case "global":
      return { kind: LIMIT, key: GLOBAL };
  }
}

/** How limits are named at their owner: one that counts in another way is another limit. */
function limitNameOf(scope: RateScope, algorithm: Algorithm): string {
  const name = plainNameOf(scope);
  return algorithm === PLAIN_ALGORITHM ? name : `${name}|${algorithm}`;
}

function plainNameOf(scope: RateScope): string {
  switch (scope.kind) {
    case "key":
      return `key:${scope.key}`;
    case "api":
      return `api:${scope.path}`;
    case "tokens":
      return "tokens";
    default:
      return "whole";
  }
}

function toldOf(scope: RateScope): ToldLimit {
  if (scope.kind === "api") return { name: `api ${scope.path}` };
  return scope.kind === "tokens" ? { name: "model", unit: "tokens" } : { name: scope.kind };
}

const fullName = (kind: string, key: string, limit: string): string => `${kind} ${key} ${limit}`;
