import { BusError } from "../../bus/bus.ts";
import type { Algorithm } from "../../core/algorithms.ts";
import { type Cancel, sleep } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { ShareOwner } from "../limit-owner.ts";
import {
  ASK_PAUSE_MOST_MS,
  ASK_PAUSE_MS,
  DENIAL_MS,
  EARLY_RENEWAL_MS,
  LEASE_MARGIN_MS,
  LEASE_MS,
  MAX_WAITING,
  RATE_RETRY_MS,
  RATE_WAIT_MS,
  RENEW_MS,
} from "../limits.ts";
import type { Part, ShareAsk, ShareReply } from "../shares.ts";
import type { Capacity, RateDenied, TokensTaken } from "./leases.ts";
import type { Surplus } from "./meter.ts";
import { NodePart, Take, type ToldLimit } from "./node-part.ts";
import { createSequence, type LeasePorts } from "./ports.ts";
import { RateMeter } from "./rate-meter.ts";

interface Waiter {
  readonly count: number;
  readonly since: number;
  readonly resolve: (result: TokensTaken | RateDenied) => void;
  readonly reject: (error: unknown) => void;
}

interface Sent {
  readonly message: ShareAsk;
  readonly surplus: Surplus;
  readonly at: number;
  readonly isLeaving: boolean;
}

/** The owner answers from memory; one that does not within this is not there. */
const SHARE_TIMEOUT_MS = 2_000;

/** Tries, with their pauses about a third of a second, before a limit without an owner is split by equal parts. */
const ALONE_AFTER = 4;

/** Demand that has grown by less is told with the next renewal. */
const NOTABLY_MORE = 1.1;

/** This node's part of one limit for a term, and the talk with the limit's owner about it. */
export class RateLease {
  readonly #part: NodePart;
  #waiting: Waiter[] = [];
  /** Monotonic; the part is not used after. */
  #deadline = Number.NEGATIVE_INFINITY;
  /** Until then the owner counts on what it granted being here. */
  #termEnd = Number.NEGATIVE_INFINITY;
  #renewAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #shallAskAgain = false;
  /** Slots that the owner was last told are in use here. */
  #toldSlots = 0;
  #isLeaving = false;
  #failures = 0;
  /** The owner could not be reached: nobody waits for it before. */
  #troubleUntil = Number.NEGATIVE_INFINITY;
  /** The owner had no token to hand out. */
  #spotDeniedUntil = Number.NEGATIVE_INFINITY;
  /** Since when others are to let go of what is this node's share; undefined while it has its share. */
  #shortSince: number | undefined;
  /** Denied from its own part since the owner was last told. */
  #denied = 0;
  /** The largest request of this renewal and of the one before. */
  #largest = 1;
  #largestBefore = 1;
  /** How long a denial waits before it asks for more: longer when asking did not help. */
  #earlyPauseMs = EARLY_RENEWAL_MS;
  /** The demand that the owner was last told. */
  #toldQps = 0;
  /** Number of the ask whose answer was taken over last. */
  #adopted = 0;
  #usedAt: number;
  readonly #demand: RateMeter;
  readonly #sequence: () => number;
  #cancelPause: Cancel | undefined;
  #isClosed = false;

  /** `limitName`: the limit's name at its owner. */
  constructor(
    readonly ports: LeasePorts,
    readonly owner: ShareOwner,
    readonly limitName: string,
    told: ToldLimit,
    readonly algorithm: Algorithm,
    limit: Capacity,
  ) {
    const now = ports.clock.monotonic();
    this.#part = new NodePart(told, algorithm, limit, now, () => this.#freed());
    this.#demand = new RateMeter(now);
    this.#sequence = createSequence(ports.clock);
    this.#usedAt = now;
  }

  /** One request's worth. Throws or rejects with SluiceError `overloaded` when the owner cannot be reached. */
  take(
    limit: Capacity,
    count: number,
    now: number,
  ): TokensTaken | RateDenied | Promise<TokensTaken | RateDenied> {
    const part = this.#part;
    this.#usedAt = now;
    this.#demand.add(count, now);
    if (count > this.#largest) this.#largest = count;
    if (limit !== part.limit && part.change(limit, now)) this.renew();
    if (this.#waiting.length === 0) {
      if (now < this.#deadline) {
        if (now >= this.#renewAt) this.#ask();
        const result = part.take(count, now);
        if (result.ok) return result.waitMs <= 0 ? result : this.#inTurn(result);
        const hasWord = !part.isSpotOnly(count) || now < this.#spotDeniedUntil;
        if (hasWord && !this.#isSoonMore(now)) {
          this.#noteDenied(now);
          return result;
        }
      } else if (now < this.#troubleUntil) throw unreachable();
    }
    return this.#wait(count, now);
  }

  /** Until the owner has answered. */
  #wait(count: number, since: number): Promise<TokensTaken | RateDenied> {
    if (this.#waiting.length >= MAX_WAITING || this.#isClosed) throw unreachable();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ count, since, resolve, reject });
      this.#ask();
    });
  }

  /** Its share is on its way. A window may take an hour to bring it: nobody waits for that. */
  #isSoonMore(now: number): boolean {
    return this.#shortSince !== undefined && now - this.#shortSince < RATE_WAIT_MS;
  }

  #letIn({ resolve }: Waiter, taken: Take): void {
    if (taken.waitMs <= 0) resolve(taken);
    else this.ports.clock.after(taken.waitMs, () => resolve(taken));
  }

  /** When a leaky bucket lets it out (bounded by `LONGEST_TURN_MS`). */
  async #inTurn(taken: Take): Promise<TokensTaken> {
    await sleep(this.ports.clock, taken.waitMs);
    return taken;
  }

  /** Asks now: the limit is another one, or others wait for their share. */
  renew(): void {
    if (this.ports.clock.monotonic() < this.#deadline) this.#ask();
  }

  /** Renews or gives back what is due. True when nothing is left and the lease can be forgotten. */
  sweep(now: number): boolean {
    if (
      this.#part.running > 0 ||
      this.#waiting.length > 0 ||
      this.#isAsking ||
      now - this.#usedAt < LEASE_MS
    ) {
      // Slots in use are told of even when the part itself has run out.
      if (now >= this.#renewAt && (now < this.#deadline || this.#part.running > 0)) this.#ask();
      return false;
    }
    if (this.#part.isNothing && !this.#part.hasSurplus) return true;
    this.leave();
    return false;
  }

  /** Gives back the part with its tokens; slots that are in use stay until they are free. */
  leave(): void {
    this.#dropPart(this.ports.clock.monotonic());
    this.#isLeaving = true;
    this.#ask();
  }

  /** Nobody waits any more, and nobody is asked. */
  close(): void {
    this.#isClosed = true;
    this.#cancelPause?.();
    this.#refuseWaiting();
  }

  /** Neither a message on its way nor one to be sent. */
  get isQuiet(): boolean {
    return !this.#isAsking && !this.#shallAskAgain && !this.#isLeaving;
  }

  /** Its own part is used up, but others have parts, too: perhaps more than they need. */
  #noteDenied(now: number): void {
    this.#denied += 1;
    // More is asked for than the owner knows of.
    if (this.#demand.rate(now) > this.#toldQps * NOTABLY_MORE) this.#earlyPauseMs = EARLY_RENEWAL_MS;
    if (this.#part.isPartial && now - this.#askedAt >= this.#earlyPauseMs) this.#ask();
  }

  #ask(): void {
    if (this.#isClosed) return;
    if (this.#isAsking) {
      this.#shallAskAgain = true;
      return;
    }
    const now = this.ports.clock.monotonic();
    if (now >= this.#deadline) this.#dropPart(now);
    // After its term the owner's bucket fills in its place: what is left here would be there twice.
    if (now >= this.#termEnd && this.algorithm !== "sliding-window") this.#part.surplus(now);
    this.#isAsking = true;
    this.#shallAskAgain = false;
    this.#askedAt = now;
    const sent = this.#compose(now);
    this.#denied = 0;
    this.#toldSlots = sent.message.holding.slots;
    this.#toldQps = sent.message.demand.qps;
    const { owner } = this;
    const ask = { limit: this.limitName, ask: sent.message };
    this.ports.ask(owner.kind, owner.key, "share", ask, { timeoutMs: SHARE_TIMEOUT_MS }).then(
      (reply) => this.#answered(reply, sent),
      (thrown: unknown) => this.#failed(thrown, sent),
    );
  }

  #compose(now: number): Sent {
    const part = this.#part;
    const waiting = this.#waiting.length;
    const isLeaving = this.#isLeaving && waiting === 0;
    const slots = part.running + waiting + this.#denied;
    const surplus = part.surplus(now);
    const largest = Math.max(this.#largest, this.#largestBefore);
    this.#largestBefore = this.#largest;
    this.#largest = this.#waiting.reduce((most, { count }) => Math.max(most, count), 1);
    const message: ShareAsk = {
      node: this.ports.node,
      sequence: this.#sequence(),
      whole: part.whole,
      algorithm: this.algorithm,
      adopted: this.#adopted,
      holding: part.holding(now),
      returned: surplus.tokens,
      cooling: surplus.cooling,
      demand: isLeaving ? { qps: 0, slots: 0 } : { qps: this.#demand.rate(now), slots, largest },
      need: this.#waiting.reduce((sum, { count }) => sum + count, 0),
    };
    return { message, surplus, at: now, isLeaving };
  }

  #answered(reply: ShareReply, sent: Sent): void {
    const now = this.ports.clock.monotonic();
    this.#isAsking = false;
    this.#failures = 0;
    const hasWaiting = this.#waiting.length > 0;
    if (sent.isLeaving) this.#isLeaving = false;
    // Decided to leave while the owner granted more: that goes back, too.
    else if (this.#isLeaving && !hasWaiting) this.#giveBack(reply.tokens + reply.spot);
    else this.#adopt(reply, sent, now);
    const isLess = reply.confirm && isBelow(this.#part.holding(now), sent.message.holding);
    if (isLess || this.#shallAskAgain || (sent.isLeaving && hasWaiting)) this.#ask();
    else if (this.#waiting.length > 0) this.#askAfter(RATE_RETRY_MS);
  }

  #adopt(reply: ShareReply, sent: Sent, now: number): void {
    const part = this.#part;
    this.#isLeaving = false;
    this.#adopted = sent.message.sequence;
    part.set(reply.part, reply.tokens, now);
    part.spot += reply.spot;
    const hasGrown = reply.spot > 0 || isBelow(sent.message.holding, reply.part);
    this.#earlyPauseMs = hasGrown ? EARLY_RENEWAL_MS : Math.min(2 * this.#earlyPauseMs, RENEW_MS);
    this.#deadline = sent.at + reply.leaseMs - LEASE_MARGIN_MS;
    this.#termEnd = this.#deadline;
    this.#renewAt = sent.at + RENEW_MS;
    this.#shortSince = reply.isShort ? (this.#shortSince ?? now) : undefined;
    this.#serve(this.#isSoonMore(now) ? Number.NEGATIVE_INFINITY : sent.at);
    this.#giveBack(part.spot);
    part.spot = 0;
    if (part.isSpotOnly(sent.message.demand.largest ?? 1) && !reply.isShort)
      this.#spotDeniedUntil = now + DENIAL_MS;
  }

  #giveBack(tokens: number): void {
    const now = this.ports.clock.monotonic();
    this.#part.giveAway({ tokens, cooling: [] }, now, now);
  }

  /**
   * Lets in who can be. Denies who waited since before `decidedAt`, when the owner gave all that it could, and
   * who waited long enough for others to let go.
   */
  #serve(decidedAt: number): void {
    const now = this.ports.clock.monotonic();
    if (now >= this.#deadline) return;
    const staying: Waiter[] = [];
    for (const waiter of this.#waiting) {
      const result = this.#part.take(waiter.count, now);
      if (result instanceof Take) this.#letIn(waiter, result);
      else if (waiter.since <= decidedAt || now - waiter.since >= RATE_WAIT_MS) waiter.resolve(result);
      else staying.push(waiter);
    }
    this.#waiting = staying;
  }

  #freed(): void {
    if (this.#waiting.length > 0) this.#serve(Number.NEGATIVE_INFINITY);
    // A slot that the owner wanted back while it was in use.
    else if (this.#part.heldSlots < this.#toldSlots && !this.#isAsking) {
      this.#toldSlots = this.#part.heldSlots;
      this.#askAfter(RATE_RETRY_MS);
    }
  }

  #failed(thrown: unknown, { surplus, at }: Sent): void {
    const now = this.ports.clock.monotonic();
    this.#isAsking = false;
    // What comes twice is only believed where tokens are counted one by one.
    if (isUndelivered(thrown) || this.algorithm === "sliding-window") this.#part.giveAway(surplus, at, now);
    const pauseMs = Math.min(ASK_PAUSE_MS * 2 ** this.#failures, ASK_PAUSE_MOST_MS);
    this.#failures += 1;
    this.#renewAt = now + pauseMs;
    if (this.ports.nodes !== undefined && thrown instanceof BusError) this.#goOnAlone(now);
    const oldest = this.#waiting[0];
    // A conflict only says that messages overtook each other.
    const isAnswer = thrown instanceof SluiceError && thrown.code !== "conflict";
    if (isAnswer || (oldest !== undefined && now - oldest.since >= RATE_WAIT_MS)) {
      this.#troubleUntil = now + DENIAL_MS;
      this.#refuseWaiting();
    }
    this.#isLeaving = false;
    if (this.#waiting.length > 0) this.#askAfter(pauseMs);
  }

  /** Without an owner: on with the part there is, else with an equal one, until an owner can be asked again. */
  #goOnAlone(now: number): void {
    if (this.#part.isNothing) {
      // A shard that is being handed over has an owner again in a moment.
      if (this.#failures < ALONE_AFTER) return;
      const part = equalPart(this.#part.whole, this.ports.nodes?.() ?? 1, this.algorithm);
      this.#part.set(part, part.burst, now);
    }
    this.#deadline = now + LEASE_MS - LEASE_MARGIN_MS;
    this.#serve(now);
  }

  #askAfter(pauseMs: number): void {
    this.#cancelPause?.();
    this.#cancelPause = this.ports.clock.after(pauseMs, () => this.#ask());
  }

  #dropPart(now: number): void {
    this.#part.drop(now);
    this.#deadline = Number.NEGATIVE_INFINITY;
  }

  #refuseWaiting(): void {
    const error = unreachable();
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}

/** Enough for one request, however small. */
function equalPart({ qps, burst, slots }: Part, nodes: number, algorithm: Algorithm): Part {
  const size = algorithm === "sliding-window" ? Math.floor(burst / nodes) : burst / nodes;
  return {
    qps: qps / nodes,
    burst: qps === 0 ? 0 : Math.max(1, size),
    slots: slots === 0 ? 0 : Math.max(1, Math.floor(slots / nodes)),
  };
}

const isBelow = (a: Part, b: Part): boolean => a.qps < b.qps || a.burst < b.burst || a.slots < b.slots;

/** True when the owner certainly did not get the message. */
const isUndelivered = (thrown: unknown): boolean =>
  thrown instanceof BusError && thrown.kind === "no_responders";

const unreachable = (): SluiceError =>
  new SluiceError("overloaded", "The owner of this limit does not answer at the moment.", {
    retryAfterMs: 1_000,
  });
