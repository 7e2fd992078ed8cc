import type { NodeId } from "../core/ids.ts";
import { fairShares } from "./fair-shares.ts";
import { type Bucket, refill } from "./leases/token-bucket.ts";
import { LEASE_MS } from "./limits.ts";

/**
 * The owner's side of one limit: it is split into parts that nodes hold for a term. At any time the sum of
 * all parts that may still be in use is at most the whole, so any window admits no more than one central
 * bucket would (burst + rate × window).
 *
 * - What a node says it holds is believed; what it was granted since counts too, until it speaks again or
 *   its term is over. So a part is given to another only when its holder has confirmed that it let go.
 * - Tokens are conserved: a part grows by tokens out of the reserve, and what a shrinking one has too many
 *   comes back. Nobody gains tokens by coming and going.
 */
export interface Part {
  readonly qps: number;
  readonly burst: number;
  /** Requests at once; a whole number. */
  readonly slots: number;
}

export const NO_PART: Part = { qps: 0, burst: 0, slots: 0 };

export interface ShareAsk {
  readonly node: NodeId;
  /** Grows with each ask of this node, also over its restarts; an ask that arrives late is ignored. */
  readonly sequence: number;
  /** The limit as the node knows it from configuration or the key's record. */
  readonly whole: Part;
  /** What the node holds now; slots never below what is running. */
  readonly holding: Part;
  /** Tokens that the node gives back with this ask. */
  readonly returned: number;
  /** What the node would use if it could: requests a second, and at once. */
  readonly demand: { readonly qps: number; readonly slots: number };
  /** Tokens that waiting requests need right now. */
  readonly need: number;
}

export interface ShareReply {
  readonly part: Part;
  /** To be added to the level of the node's bucket. */
  readonly tokens: number;
  /** Tokens to be used at once; the limit is too small to be split. */
  readonly spot: number;
  /** Counted by the node from before it asked. */
  readonly leaseMs: number;
  /** The part is smaller than what the node holds: it shall tell at once that it let go. */
  readonly confirm: boolean;
  /** Others must let go before this node can have its share; it may ask again soon. */
  readonly isShort: boolean;
}

const NO_SHARE: ShareReply = {
  part: NO_PART,
  tokens: 0,
  spot: 0,
  leaseMs: LEASE_MS,
  confirm: false,
  isShort: false,
};

interface Holder {
  sequence: number;
  /** The most that it may be using. */
  held: Part;
  demand: ShareAsk["demand"];
  expiresAt: number;
}

/** A node that shows no demand is still given this much of the whole, so that its first requests pass. */
const LEAST_DEMAND = 0.02;
/** Smaller differences are not worth a message. */
const NOTABLE = 0.01;

export class Shares {
  readonly #holders = new Map<NodeId, Holder>();
  readonly #reserve: Bucket;
  #whole: Part;

  /** `foreignUntil`: until then, leases of an earlier life of the owner may be held by nodes that have not spoken yet. */
  constructor(
    whole: Part,
    now: number,
    readonly foreignUntil: number,
  ) {
    this.#whole = whole;
    this.#reserve = { tokens: now < foreignUntil ? 0 : whole.burst, at: now };
  }

  get whole(): Part {
    return this.#whole;
  }

  /** The sum of everything that may be in use. */
  get held(): Part {
    let sum = NO_PART;
    for (const { held } of this.#holders.values()) sum = plus(sum, held);
    return sum;
  }

  get nodes(): number {
    return this.#holders.size;
  }

  /** True when forgetting this limit and starting anew with a full bucket changes nothing. */
  isFull(now: number): boolean {
    this.#settle(now);
    return this.#holders.size === 0 && this.#reserve.tokens >= this.#whole.burst;
  }

  /** A node asks for, renews or (holding nothing, wanting nothing) gives back its part. Undefined: an old message. */
  ask(ask: ShareAsk, now: number): ShareReply | undefined {
    this.#settle(now);
    const former = this.#holders.get(ask.node);
    if (former !== undefined && ask.sequence <= former.sequence) return undefined;
    this.#whole = ask.whole;
    const isLeaving = isNothing(ask.holding) && isIdle(ask);
    const holder: Holder = {
      sequence: ask.sequence,
      held: ask.holding,
      demand: ask.demand,
      expiresAt: now + LEASE_MS,
    };
    this.#holders.set(ask.node, holder);
    this.#reserve.tokens = Math.min(this.#room().burst, this.#reserve.tokens + Math.max(0, ask.returned));
    // A node that leaves is remembered until its term is over, so that a late message of before is known as such.
    return isLeaving ? NO_SHARE : this.#grant(ask, holder, now);
  }

  #grant(ask: ShareAsk, holder: Holder, now: number): ShareReply {
    const target = this.#target(ask.node);
    const room = plus(this.#room(), ask.holding);
    const isForeign = now < this.foreignUntil;
    // Who has spoken keeps what it has until everybody had the time to speak.
    const part = isForeign ? least(ask.holding, this.#whole) : least(target, room);
    const tokens = Math.max(0, Math.min(this.#reserve.tokens, part.burst - ask.holding.burst));
    this.#reserve.tokens -= tokens;
    holder.held = most(ask.holding, part);
    const spot = part.burst < 1 ? Math.min(Math.floor(this.#reserve.tokens), ask.need) : 0;
    this.#reserve.tokens -= spot;
    return {
      part,
      tokens,
      spot,
      leaseMs: LEASE_MS,
      confirm: this.#isNotable(ask.holding, part),
      isShort: this.#isNotable(target, part),
    };
  }

  /** What is left beside all that may be in use. Negative parts (the limit was lowered) count as none. */
  #room(): Part {
    const { held } = this;
    return most(NO_PART, {
      qps: this.#whole.qps - held.qps,
      burst: this.#whole.burst - held.burst,
      slots: this.#whole.slots - held.slots,
    });
  }

  /** Brings the reserve up to now; parts whose term has ended meanwhile fill it from that moment. */
  #settle(now: number): void {
    const ended = [...this.#holders].filter(([, { expiresAt }]) => expiresAt <= now);
    for (const [node, { expiresAt }] of ended.sort(([, a], [, b]) => a.expiresAt - b.expiresAt)) {
      this.#fill(expiresAt);
      this.#holders.delete(node);
    }
    this.#fill(now);
  }

  #fill(now: number): void {
    // What an earlier owner granted may still be filling elsewhere.
    if (now < this.foreignUntil) this.#reserve.at = now;
    else refill(this.#reserve, this.#room(), now);
  }

  /** What the node should have, by everyone's demand. */
  #target(node: NodeId): Part {
    const nodes = [...this.#holders.keys()].filter((one) => one === node || !this.#isGone(one));
    const index = nodes.indexOf(node);
    const { qps, burst, slots } = this.#whole;
    const demands = nodes.map((one) => this.#holders.get(one)?.demand ?? { qps: 0, slots: 0 });
    const rates = fairShares(
      qps,
      demands.map((demand) => Math.max(demand.qps, qps * LEAST_DEMAND)),
    );
    const places = wholeShares(
      slots,
      demands.map((demand) => demand.slots),
    );
    // A bucket that cannot hold a token admits nothing: one each, or none at all and the owner hands them out.
    const isSplittable = nodes.length === 1 || burst >= nodes.length;
    if (!isSplittable) return { qps: 0, burst: 0, slots: places[index] ?? 0 };
    const rate = rates[index] ?? 0;
    const share = qps === 0 ? 0 : rate / qps;
    const size = nodes.length === 1 ? burst : 1 + (burst - nodes.length) * share;
    return { qps: rate, burst: qps === 0 ? 0 : size, slots: places[index] ?? 0 };
  }

  #isGone(node: NodeId): boolean {
    const holder = this.#holders.get(node);
    return (
      holder === undefined || (isNothing(holder.held) && holder.demand.qps === 0 && holder.demand.slots === 0)
    );
  }

  #isNotable(more: Part, less: Part): boolean {
    const { qps, burst } = this.#whole;
    return (
      more.qps - less.qps > qps * NOTABLE ||
      more.burst - less.burst > burst * NOTABLE ||
      more.slots > less.slots
    );
  }
}

/** Fair shares in whole numbers; what rounding leaves goes to the first. */
function wholeShares(whole: number, demands: readonly number[]): number[] {
  const shares = fairShares(whole, demands).map(Math.floor);
  let left = whole - shares.reduce((sum, share) => sum + share, 0);
  for (let index = 0; left >= 1 && index < shares.length; index += 1, left -= 1) {
    shares[index] = (shares[index] ?? 0) + 1;
  }
  return shares;
}

const isNothing = ({ qps, burst, slots }: Part): boolean => qps === 0 && burst === 0 && slots === 0;
const isIdle = ({ demand, need }: ShareAsk): boolean => demand.qps === 0 && demand.slots === 0 && need === 0;

const combine =
  (pick: (a: number, b: number) => number) =>
  (a: Part, b: Part): Part => ({
    qps: pick(a.qps, b.qps),
    burst: pick(a.burst, b.burst),
    slots: pick(a.slots, b.slots),
  });
const plus = combine((a, b) => a + b);
const least = combine(Math.min);
const most = combine(Math.max);
