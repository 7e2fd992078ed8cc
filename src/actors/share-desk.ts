import { SluiceError } from "../core/errors.ts";
import type { Turn } from "./definition.ts";
import { MAX_LIMITS, REBALANCE_PAUSE_MS } from "./limits.ts";
import { type Part, type ShareAsk, type ShareReply, Shares } from "./shares.ts";
import { type Rebalance, rebalance } from "./subjects.ts";

/** The limits that one actor owns, each split among the nodes that use it. */
export class ShareDesk {
  readonly #limits = new Map<string, { readonly shares: Shares; toldAt: number }>();

  constructor(readonly kind: string) {}

  get size(): number {
    return this.#limits.size;
  }

  /** `limit` names it among the owner's. Throws SluiceError `conflict` for an old message. */
  ask<State>(limit: string, ask: ShareAsk, turn: Turn<State>): ShareReply {
    const { now } = turn;
    let entry = this.#limits.get(limit);
    if (entry === undefined) {
      if (this.#limits.size >= MAX_LIMITS)
        throw new SluiceError("overloaded", "Too many limits of one owner.");
      entry = {
        shares: new Shares(ask.whole, now, turn.leasesUntil, ask.algorithm),
        toldAt: Number.NEGATIVE_INFINITY,
      };
      this.#limits.set(limit, entry);
    }
    const { shares } = entry;
    const isLowered = isBelow(ask.whole, shares.whole);
    const reply = shares.ask(ask, now);
    if (reply === undefined)
      throw new SluiceError("conflict", "A newer message about this limit came before.");
    if ((reply.isShort || isLowered) && now - entry.toldAt >= REBALANCE_PAUSE_MS && shares.nodes > 1) {
      entry.toldAt = now;
      const told: Rebalance = { kind: this.kind, key: turn.key, limit };
      turn.publish(rebalance(this.kind, turn.key), told);
    }
    return reply;
  }

  /** Forgets limits that would start anew as they are. */
  prune(now: number): void {
    for (const [limit, { shares }] of this.#limits) {
      if (shares.isFull(now)) this.#limits.delete(limit);
    }
  }
}

const isBelow = (a: Part, b: Part): boolean => a.qps < b.qps || a.burst < b.burst || a.slots < b.slots;
