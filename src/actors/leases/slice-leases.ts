import type { Subscription } from "../../bus/bus.ts";
import { type Cancel, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import { LEASE_SWEEP_MS, MAX_LEASES } from "../limits.ts";
import { shardOf } from "../shard.ts";
import { SHARDS_ACQUIRED, type ShardsAcquired } from "../subjects.ts";
import type { LeasePorts } from "./ports.ts";
import { SliceLease, type SliceSubject } from "./slice-lease.ts";

const DRAIN_POLL_MS = 10;

/** The slices that a node holds of one kind of budget, by the id of what they belong to. */
export class SliceLeases<Of, Limit extends object | number> {
  readonly #leases = new Map<string, { readonly lease: SliceLease; limit: Limit }>();
  readonly #subscription: Subscription;
  readonly #cancelSweep: Cancel;
  #isDraining = false;

  constructor(
    readonly ports: LeasePorts,
    /** Only asked about a lease or a limit that is new. */
    readonly subjectOf: (of: Of, limit: Limit) => SliceSubject,
  ) {
    this.#cancelSweep = ports.clock.every(LEASE_SWEEP_MS, () => this.#sweep());
    this.#subscription = ports.bus.subscribe(SHARDS_ACQUIRED, (told) => {
      const { shards } = told as ShardsAcquired; // only hosts write on this subject
      this.#tellNewOwner(new Set(shards));
    });
  }

  lease(id: string, of: Of, limit: Limit, now: number): SliceLease {
    const known = this.#leases.get(id);
    if (known === undefined) return this.#open(id, limit, this.subjectOf(of, limit));
    if (known.limit !== limit) {
      known.limit = limit;
      known.lease.change(this.subjectOf(of, limit));
    }
    known.lease.usedAt = now;
    return known.lease;
  }

  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.ports;
    this.#isDraining = true;
    this.#cancelSweep();
    this.#subscription.close();
    const leases = [...this.#leases.values()];
    const until = clock.monotonic() + deadlineMs;
    for (;;) {
      const left = leases.filter(({ lease }) => !lease.isGivenBack);
      for (const { lease } of left) lease.giveBack();
      if (left.length === 0 || clock.monotonic() >= until) break;
      await sleep(clock, DRAIN_POLL_MS);
    }
    for (const { lease } of leases) lease.line.abandon();
  }

  #open(id: string, limit: Limit, subject: SliceSubject): SliceLease {
    if (this.#isDraining || this.#leases.size >= MAX_LEASES) {
      throw new SluiceError("overloaded", "This node takes no more budgets at the moment.", {
        retryAfterMs: 1_000,
      });
    }
    const lease = new SliceLease(this.ports, subject);
    this.#leases.set(id, { lease, limit });
    return lease;
  }

  #tellNewOwner(shards: ReadonlySet<number>): void {
    for (const { lease } of this.#leases.values()) {
      const { kind, key } = lease.owner;
      if (shards.has(shardOf(kind.name, key))) lease.tellNewOwner();
    }
  }

  #sweep(): void {
    const now = this.ports.clock.monotonic();
    for (const [id, { lease }] of this.#leases) if (lease.sweep(now)) this.#leases.delete(id);
  }
}
