import type { Subscription } from "../../bus/bus.ts";
import { type Cancel, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { keyId, tenantId, vendorId } from "../../core/ids.ts";
import type { LimitOwner } from "../limit-owner.ts";
import { LEASE_SWEEP_MS, MAX_LEASES } from "../limits.ts";
import { shardOf } from "../shard.ts";
import { ANY_REBALANCE, type Rebalance, SHARDS_ACQUIRED, type ShardsAcquired } from "../subjects.ts";
import { TENANT } from "../tenant-protocol.ts";
import { VENDOR } from "../vendor-protocol.ts";
import type { Capacity, RateDenied, RateLeases, RateScope, RateTaken } from "./leases.ts";
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

const UNLIMITED: RateTaken = { ok: true, state: undefined, release() {}, undo() {} };

class NodeRates implements RateLeases {
  readonly #leases = {
    tenant: new Map<string, RateLease>(),
    key: new Map<string, RateLease>(),
    vendor: new Map<string, RateLease>(),
  };
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

  take(scope: RateScope, limit: Capacity): RateTaken | RateDenied | Promise<RateTaken | RateDenied> {
    if (limit.qps === undefined && limit.concurrency === undefined) return UNLIMITED;
    const id = idOf(scope);
    const lease = this.#leases[scope.kind].get(id) ?? this.#open(scope, id, limit);
    const taken = lease.take(limit);
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

  #open(scope: RateScope, id: string, limit: Capacity): RateLease {
    const leases = this.#leases[scope.kind];
    if (this.#isDraining || leases.size >= MAX_LEASES) {
      throw new SluiceError("overloaded", "This node takes no more limits at the moment.", {
        retryAfterMs: 1_000,
      });
    }
    const lease = new RateLease(this.ports, ownerOf(scope), limitNameOf(scope), scope.kind, limit);
    leases.set(id, lease);
    return lease;
  }

  #rebalance({ kind, key, limit }: Rebalance): void {
    if (kind === VENDOR.name) this.#leases.vendor.get(vendorId(key))?.renew();
    else if (limit === WHOLE) this.#leases.tenant.get(tenantId(key))?.renew();
    else this.#leases.key.get(keyId(limit.slice(KEY_PREFIX.length)))?.renew();
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
      for (const [id, lease] of leases) if (lease.sweep(now)) leases.delete(id);
    }
  }

  *#all(): Generator<RateLease> {
    for (const leases of Object.values(this.#leases)) yield* leases.values();
  }
}

/** How limits are named at their owner. */
const WHOLE = "whole";
const KEY_PREFIX = "key:";

const DRAIN_POLL_MS = 10;

function idOf(scope: RateScope): string {
  switch (scope.kind) {
    case "tenant":
      return scope.tenant;
    case "key":
      return scope.key;
    case "vendor":
      return scope.vendor;
  }
}

const ownerOf = (scope: RateScope): LimitOwner =>
  scope.kind === "vendor" ? { kind: VENDOR, key: scope.vendor } : { kind: TENANT, key: scope.tenant };

const limitNameOf = (scope: RateScope): string =>
  scope.kind === "key" ? `${KEY_PREFIX}${scope.key}` : WHOLE;
