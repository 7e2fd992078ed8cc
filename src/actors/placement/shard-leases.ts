import type { Subscription } from "../../bus/bus.ts";
import type { KeyValue, KeyValueEntry } from "../../bus/key-value.ts";
import { packPayload, unpackPayload } from "../../bus/payload.ts";
import { type Cancel, type Clock, sleep } from "../../core/clock.ts";
import { type NodeId, randomText } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";
import type { Random } from "../../core/random.ts";
import type { Placement, PlacementListener } from "../placement.ts";
import { SHARDS } from "../shard.ts";
import type { Membership } from "./membership.ts";
import { rendezvous } from "./rendezvous.ts";
import { ShardLease, type ShardOwner } from "./shard-lease.ts";

export interface ShardLeasesOptions {
  readonly node: NodeId;
  /** Values in it must end by themselves after `ageMs` (10 s: longer than the election of a new NATS leader takes). */
  readonly store: KeyValue;
  readonly membership: Membership;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** How often what is due is looked for. */
const TICK_MS = 250;
/** Nodes must be the same ones for this long before a shard is handed to another. */
const SETTLED_MS = 2_000;
/** Shards handed over in one tick: their actors load elsewhere, not all in one moment. */
const HAND_OVER_AT_ONCE = 16;
/** Holders of what a former owner leased tell the new one within this; until then it gives out nothing new. */
const INVENTORY_MS = 500;
/** A start waits this long to hear who else is here before it takes anything. */
const LISTEN_MS = 300;
/** A stop waits this long for its shards to be free for others; what is not ends by age. */
const RELEASE_MS = 2_000;

/**
 * Placement for a cluster. A shard is owned through a value in a store that only one node can create, that its
 * owner renews by revision, and that ends by itself. An owner counts its own deadline from before it sent the
 * renewal and stops answering when it passes, so that no two owners answer at the same time as long as the
 * store's age is kept; if they ever did, the ledger would still decide.
 */
export function createShardLeases(options: ShardLeasesOptions): Placement {
  return new ShardLeases(options);
}

class ShardLeases implements Placement {
  readonly #leases: readonly ShardLease[];
  /** This process, as opposed to an earlier one of the same name. */
  readonly #life: string;
  #listener: PlacementListener | undefined;
  #watch: Subscription | undefined;
  #cancelTick: Cancel | undefined;
  #isStopping = false;
  /** The nodes for which `#wanted` was worked out. */
  #knownLive: ReadonlySet<NodeId> | undefined;
  /** By shard: this node should own it. */
  #wanted: readonly boolean[] = [];

  constructor(readonly options: ShardLeasesOptions) {
    const { node, store, clock, random, log } = options;
    this.#life = randomText(random.bytes(9));
    const life = this.#life;
    this.#leases = Array.from({ length: SHARDS }, (_, shard) => {
      const told = {
        acquired: () => this.#acquired(shard),
        lost: () => this.#listener?.lost(shard),
      };
      return new ShardLease({ shard, node, life, store, clock, log, pack: packOwner, told });
    });
  }

  async start(listener: PlacementListener): Promise<void> {
    const { clock, store } = this.options;
    this.#listener = listener;
    this.#watch = store.watch((key, entry) => this.#heard(key, entry));
    await sleep(clock, LISTEN_MS);
    this.#cancelTick = clock.every(TICK_MS, () => this.#tick());
    await Promise.all(this.#tick());
  }

  owns(shard: number): boolean {
    return this.#leases[shard]?.isOwned ?? false;
  }

  ownerOf(shard: number): NodeId | undefined {
    return this.#leases[shard]?.owner;
  }

  /** Frees every shard, so that others need not wait for its age. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.options.membership.leave();
    this.#cancelTick?.();
    const freed = Promise.all(this.#leases.map((lease) => lease.release()));
    await Promise.race([freed, sleep(this.options.clock, RELEASE_MS)]);
    this.#watch?.close();
  }

  #acquired(shard: number): void {
    this.#listener?.acquired(shard, this.options.clock.monotonic() + INVENTORY_MS);
  }

  #heard(key: string, entry: KeyValueEntry | undefined): void {
    const lease = this.#leases[Number(key)];
    if (lease === undefined) return;
    if (entry !== undefined) {
      lease.heard(ownerIn(entry.value), entry.revision);
      return;
    }
    lease.heardFreed();
    // Handed over, perhaps to this node: no need to wait for the next tick.
    if (!this.#isStopping && this.#wantedNow()[lease.shard] === true) void lease.acquire();
  }

  /** By shard: this node should own it, as the nodes are now. */
  #wantedNow(): readonly boolean[] {
    const live = this.options.membership.live();
    if (live !== this.#knownLive) {
      this.#knownLive = live;
      this.#wanted = this.#leases.map(({ shard }) => rendezvous(shard, live) === this.options.node);
    }
    return this.#wanted;
  }

  /** Looks at every shard, and does what is due. */
  #tick(): Promise<void>[] {
    if (this.#isStopping) return [];
    const { membership, clock } = this.options;
    const wanted = this.#wantedNow();
    const isSettled = clock.monotonic() - membership.stableSince() >= SETTLED_MS;
    const underWay: Promise<void>[] = [];
    let handedOver = 0;
    for (const lease of this.#leases) {
      const isOurs = wanted[lease.shard] === true;
      let deed: Promise<void> | undefined;
      if (!lease.isHeld) deed = isOurs ? lease.acquire() : undefined;
      else if (isOurs || !isSettled || handedOver >= HAND_OVER_AT_ONCE) deed = lease.renew();
      else {
        handedOver += 1;
        deed = lease.release();
      }
      if (deed !== undefined) underWay.push(deed);
    }
    return underWay;
  }
}

const packOwner = ({ node, life, write }: ShardOwner): Uint8Array => packPayload([node, life, write]);

function ownerIn(value: Uint8Array): ShardOwner {
  const [node, life, write] = unpackPayload(value) as [NodeId, string, number]; // only shard leases write here
  return { node, life, write };
}
