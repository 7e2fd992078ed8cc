import { type Algorithm, PLAIN_ALGORITHM } from "../core/algorithms.ts";
import type { NodeId } from "../core/ids.ts";
import { fairShares, wholeShares } from "./fair-shares.ts";
import { type Cooling, NO_SURPLUS, type Surplus } from "./leases/meter.ts";
import { LEASE_MS } from "./limits.ts";
import { createReserve, type Reserve } from "./reserve.ts";

/** A part of a limit: requests a second, and how many of them may come at once. */
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
  /** The same throughout the life of a limit; absent: a token bucket. */
  readonly algorithm?: Algorithm;
  /** Number of this node's ask whose answer it took over last. */
  readonly adopted?: number;
  /** What the node holds now; slots never below what is running. */
  readonly holding: Part;
  /** Tokens that the node gives back with this ask. */
  readonly returned: number;
  /** Tokens of a window that it gives back although they were just used. */
  readonly cooling?: readonly Cooling[];
  /** What the node would use if it could: tokens a second, requests at once, the most tokens of one request (absent: 1). */
  readonly demand: { readonly qps: number; readonly slots: number; readonly largest?: number };
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
  /** Tokens of the last answer; until it says that it took them over, they may never have come. */
  given: number;
  demand: ShareAsk["demand"];
  expiresAt: number;
}

/** A node that shows no demand is still given this much of the whole, so that its first requests pass. */
const LEAST_DEMAND = 0.02;
/** Smaller differences are not worth a message. */
const NOTABLE = 0.01;

/**
 * The owner's side of one limit: it is split into parts that nodes hold for a term. At any time the sum of
 * all parts that may still be in use is at most the whole, so together they admit no more than one central
 * counter would (a leaky bucket: one turn more for each node).
 *
 * - What a node says it holds is believed; what it was granted since counts too, until it speaks again or
 *   its term is over. So a part is given to another only when its holder has confirmed that it let go.
 * - Tokens are conserved: a part grows by tokens out of the reserve, and what a shrinking one has too many
 *   comes back. Nobody gains tokens by coming and going.
 */
export class Shares {
  readonly #holders = new Map<NodeId, Holder>();
  readonly #reserve: Reserve;
  #whole: Part;
  /** What an earlier owner granted may be in use until then. */
  #isForeign: boolean;

  /** `foreignUntil`: until then, leases of an earlier life of the owner may be held by nodes that have not spoken yet. */
  constructor(
    whole: Part,
    now: number,
    readonly foreignUntil: number,
    readonly algorithm: Algorithm = PLAIN_ALGORITHM,
  ) {
    this.#whole = whole;
    this.#isForeign = now < foreignUntil;
    this.#reserve = createReserve(algorithm, whole, this.#isForeign ? 0 : whole.burst, now);
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
    return this.#holders.size === 0 && this.#reserve.free >= this.#whole.burst;
  }

  /** A node asks for, renews or (holding nothing, wanting nothing) gives back its part. Undefined: an old message. */
  ask(ask: ShareAsk, now: number): ShareReply | undefined {
    this.#settle(now);
    const former = this.#holders.get(ask.node);
    if (former !== undefined && ask.sequence <= former.sequence) return undefined;
    if (ask.whole.burst !== this.#whole.burst || ask.whole.qps !== this.#whole.qps) {
      this.#reserve.adapt(ask.whole, Math.max(0, ask.whole.burst - this.#whole.burst));
    }
    this.#whole = ask.whole;
    const isLeaving = isNothing(ask.holding) && isIdle(ask);
    const holder: Holder = {
      sequence: ask.sequence,
      held: ask.holding,
      given: 0,
      demand: ask.demand,
      expiresAt: now + LEASE_MS,
    };
    this.#holders.set(ask.node, holder);
    const isLost = former !== undefined && ask.adopted !== undefined && ask.adopted !== former.sequence;
    const tokens = ask.returned + (isLost && this.algorithm === "sliding-window" ? former.given : 0);
    this.#receive({ tokens, cooling: ask.cooling ?? [] }, now);
    // A node that leaves is remembered until its term is over, so that a late message of before is known as such.
    return isLeaving ? NO_SHARE : this.#grant(ask, holder, now);
  }

  #grant(ask: ShareAsk, holder: Holder, now: number): ShareReply {
    const target = this.#target(ask.node);
    const room = plus(this.#room(), ask.holding);
    // Who has spoken keeps what it has until everybody had the time to speak.
    let part = this.#isForeign ? least(ask.holding, this.#whole) : least(target, room);
    const { free } = this.#reserve;
    const tokens = Math.max(
      0,
      Math.min(this.algorithm === "sliding-window" ? Math.floor(free) : free, part.burst - ask.holding.burst),
    );
    if (this.algorithm === "sliding-window") part = this.#windowPart(part, ask.holding.burst + tokens);
    this.#reserve.give(tokens, false, now);
    holder.held = most(ask.holding, part);
    const isSpot = part.burst < (ask.demand.largest ?? 1) && this.algorithm !== "leaky-bucket";
    const spot = isSpot ? Math.min(Math.floor(this.#reserve.free), ask.need) : 0;
    this.#reserve.give(spot, true, now);
    holder.given = tokens;
    return {
      part,
      tokens,
      spot,
      leaseMs: LEASE_MS,
      confirm: this.#isNotable(ask.holding, part),
      isShort: this.#isNotable(target, part),
    };
  }

  /** A part of a window is as large as the tokens in it. */
  #windowPart({ burst, slots }: Part, tokens: number): Part {
    const size = Math.min(burst, tokens);
    return { qps: (size * this.#whole.qps) / this.#whole.burst, burst: size, slots };
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
      this.#pass(expiresAt);
      this.#holders.delete(node);
      this.#receive(NO_SURPLUS, expiresAt);
    }
    this.#pass(now);
  }

  #pass(now: number): void {
    // What an earlier owner granted may still be filling elsewhere.
    if (now < this.foreignUntil) this.#reserve.pass(NO_PART, now);
    else if (this.#isForeign) {
      this.#reserve.pass(NO_PART, this.foreignUntil);
      this.#isForeign = false;
      this.#receive(NO_SURPLUS, this.foreignUntil);
    }
    if (!this.#isForeign) this.#reserve.pass(this.#room(), now);
  }

  #receive(surplus: Surplus, now: number): void {
    // While there may be holders that have not spoken, nobody knows how much room there is.
    if (this.#isForeign && this.algorithm === "sliding-window") return;
    this.#reserve.receive(surplus, this.#room(), now);
  }

  /** What the node should have, by everyone's demand. */
  #target(node: NodeId): Part {
    const nodes = [...this.#holders.keys()].filter((one) => one === node || !this.#isGone(one));
    const index = nodes.indexOf(node);
    const { qps, slots } = this.#whole;
    const demands = nodes.map((one) => this.#holders.get(one)?.demand ?? { qps: 0, slots: 0 });
    const wanted = demands.map((demand) => Math.max(demand.qps, qps * LEAST_DEMAND));
    const rate = fairShares(qps, wanted)[index] ?? 0;
    const places = wholeShares(
      slots,
      demands.map((demand) => demand.slots),
    );
    const size = this.#sizeOf(index, rate, demands, wanted);
    const isNone = qps === 0 || size === 0;
    return { qps: isNone ? 0 : rate, burst: isNone ? 0 : size, slots: places[index] ?? 0 };
  }

  /** How much of the burst; 0 when a part for each would admit nothing: then the owner hands out tokens itself. */
  #sizeOf(
    index: number,
    rate: number,
    demands: readonly ShareAsk["demand"][],
    wanted: readonly number[],
  ): number {
    const { qps, burst } = this.#whole;
    if (demands.length === 1) return burst;
    const share = qps === 0 ? 0 : rate / qps;
    // Turns cannot be handed out one by one: everyone has a place to wait.
    if (this.algorithm === "leaky-bucket") return Math.max(1, burst * share);
    const largest = demands.map((demand) => Math.min(burst, Math.max(1, demand.largest ?? 1)));
    const rest = burst - largest.reduce((sum, one) => sum + one, 0);
    if (rest < 0) return 0;
    const own = largest[index] ?? 1;
    if (this.algorithm === "token-bucket") return own + rest * share;
    const beyond = wanted.map((perSecond, one) =>
      Math.max(0, (perSecond * burst) / qps - (largest[one] ?? 1)),
    );
    return own + (wholeShares(rest, beyond)[index] ?? 0);
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
