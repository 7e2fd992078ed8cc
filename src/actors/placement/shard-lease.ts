import type { KeyValue } from "../../bus/key-value.ts";
import type { Clock } from "../../core/clock.ts";
import type { NodeId } from "../../core/ids.ts";
import type { Log } from "../../core/log.ts";

/** What a store's value says. */
export interface ShardOwner {
  readonly node: NodeId;
  /** The owner's process. */
  readonly life: string;
  /** Counts the owner's writes. */
  readonly write: number;
}

export interface ShardLeaseOptions {
  readonly shard: number;
  readonly node: NodeId;
  readonly life: string;
  readonly store: KeyValue;
  readonly clock: Clock;
  readonly log: Log;
  pack(owner: ShardOwner): Uint8Array;
  readonly told: { acquired(): void; lost(): void };
}

/** An owner stops answering this long before its value can end: an event loop that stalled must not outlive it. */
const MARGIN_MS = 1_000;
/** A quarter of the age: three tries before the deadline. */
const RENEWALS = 4;
/** After a write that others won, or that failed. */
const AGAIN_MS = 500;

/** One shard, as this node sees and perhaps owns it. */
export class ShardLease {
  readonly shard: number;
  /** The revision of our value; undefined while we do not hold the shard. */
  #revision: number | undefined;
  #deadline = Number.NEGATIVE_INFINITY;
  #renewAt = Number.NEGATIVE_INFINITY;
  /** A write of ours without an answer: what the store tells later decides. */
  #open: { readonly write: number; readonly sentAt: number } | undefined;
  #writes = 0;
  /** The write under way. */
  #writing: Promise<void> | undefined;
  #isReleasing = false;
  #tryAt = Number.NEGATIVE_INFINITY;
  /** Another's value, as last heard of. It may have ended by now: the store tells only writes. */
  #seen: { readonly owner: ShardOwner; readonly revision: number } | undefined;

  constructor(readonly options: ShardLeaseOptions) {
    this.shard = options.shard;
  }

  /** True while this node may answer for the shard. */
  get isOwned(): boolean {
    return (
      this.#revision !== undefined && !this.#isReleasing && this.options.clock.monotonic() < this.#deadline
    );
  }

  /** True from the acquisition to the loss, both told. */
  get isHeld(): boolean {
    return this.#revision !== undefined;
  }

  /** As far as is known here. */
  get owner(): NodeId | undefined {
    if (this.isOwned) return this.options.node;
    return this.#seen?.owner.node;
  }

  /** Tries to become the owner: the store refuses while somebody else is. Undefined: nothing is to be tried now. */
  acquire(): Promise<void> | undefined {
    if (this.isHeld || this.#writing !== undefined || this.options.clock.monotonic() < this.#tryAt) return;
    return this.#acquire();
  }

  async #acquire(): Promise<void> {
    const { store, node, life } = this.options;
    const seen = this.#seen;
    // An earlier process of this node's name is dead: the name belongs to us now.
    const isOwnPast = seen !== undefined && seen.owner.node === node && seen.owner.life !== life;
    await this.#write((value) =>
      isOwnPast ? store.update(this.#key, value, seen.revision) : store.create(this.#key, value),
    );
    // It has ended by its age meanwhile, which no watch tells.
    if (isOwnPast && this.#seen === seen) this.#seen = undefined;
  }

  /** Keeps the shard; loses it when its term is over. Undefined: nothing is due yet, which is so nearly always. */
  renew(): Promise<void> | undefined {
    const { clock, store } = this.options;
    const now = clock.monotonic();
    const revision = this.#revision;
    if (revision === undefined || this.#isReleasing) return;
    if (now >= this.#deadline) {
      this.#lose();
      return;
    }
    if (this.#writing !== undefined || now < this.#renewAt) return;
    return this.#write((value) => store.update(this.#key, value, revision));
  }

  /** Stops answering at once and frees the shard for others. */
  async release(): Promise<void> {
    if (this.#revision === undefined || this.#isReleasing) return;
    const { store, log } = this.options;
    this.#isReleasing = true;
    try {
      // A renewal on its way would leave another revision behind than the one that is deleted.
      await this.#writing;
      if (this.#revision !== undefined) await store.delete(this.#key, this.#revision);
    } catch (thrown) {
      log.warn("a shard could not be given away; it ends by its age", {
        shard: this.shard,
        cause: String(thrown),
      });
    } finally {
      this.#lose();
      this.#isReleasing = false;
    }
  }

  /** The store has deleted it: nobody owns it. */
  heardFreed(): void {
    this.#seen = undefined;
    this.#tryAt = Number.NEGATIVE_INFINITY;
  }

  /** What the store has now. */
  heard(owner: ShardOwner, revision: number): void {
    const isNewer = this.#revision !== undefined && revision > this.#revision;
    if (owner.life !== this.options.life) {
      this.#seen = { owner, revision };
      // Written over: our value is gone, whatever our own clock says.
      if (isNewer) this.#lose();
    } else if (this.#open?.write === owner.write) {
      this.#won(revision, this.#open.sentAt);
    } else if (isNewer) {
      // A write of ours that was not answered. When it was sent is forgotten: it prolongs nothing.
      this.#revision = revision;
    }
  }

  get #key(): string {
    return String(this.shard);
  }

  #write(send: (value: Uint8Array) => Promise<number | undefined>): Promise<void> {
    this.#writing = this.#send(send).finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #send(send: (value: Uint8Array) => Promise<number | undefined>): Promise<void> {
    const { clock, node, life, pack } = this.options;
    const sentAt = clock.monotonic();
    this.#writes += 1;
    const write = this.#writes;
    this.#open = { write, sentAt };
    try {
      const revision = await send(pack({ node, life, write }));
      if (revision !== undefined) {
        this.#won(revision, sentAt);
        return;
      }
      if (this.#open?.write === write) this.#open = undefined;
    } catch {
      // It may have been written: then the store tells so, or the next try shows it, or the deadline passes.
    }
    this.#tryAt = clock.monotonic() + AGAIN_MS;
    this.#renewAt = this.#tryAt;
  }

  #won(revision: number, sentAt: number): void {
    const { clock, store, told } = this.options;
    const isNew = this.#revision === undefined;
    if (this.#revision !== undefined && revision < this.#revision) return;
    const deadline = sentAt + store.ageMs - MARGIN_MS;
    this.#open = undefined;
    // Heard of too late: it ends by its age.
    if (isNew && clock.monotonic() >= deadline) return;
    this.#revision = revision;
    this.#deadline = deadline;
    this.#renewAt = sentAt + store.ageMs / RENEWALS;
    this.#seen = undefined;
    if (isNew) told.acquired();
  }

  #lose(): void {
    if (this.#revision === undefined) return;
    this.#revision = undefined;
    this.#deadline = Number.NEGATIVE_INFINITY;
    this.options.told.lost();
  }
}
