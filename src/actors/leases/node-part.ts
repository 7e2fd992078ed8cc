import type { Algorithm } from "../../core/algorithms.ts";
import type { LimitState } from "../../core/errors.ts";
import { DENIAL_MS } from "../limits.ts";
import { NO_PART, type Part } from "../shares.ts";
import { createMeter } from "./create-meter.ts";
import type { Capacity, RateDenied, TokensTaken } from "./leases.ts";
import { type Cooling, type Meter, NO_SURPLUS, REFUSED, type Surplus } from "./meter.ts";

/** When a slot may be free again is not known; clients shall not ask faster than this. */
const SLOT_RETRY_MS = 250;

/** A limit as the client is told of it: `tenant`, `key`, `vendor`, and what it counts. */
export type ToldLimit = Pick<LimitState, "name" | "unit">;

/** What a node may admit on its own under one limit: a meter and slots. Arithmetic only. */
export class NodePart {
  limit: Capacity;
  whole: Part;
  /** Tokens to be used at once; the limit is too small to be split. */
  spot = 0;
  #part: Part = NO_PART;
  #running = 0;
  readonly #meter: Meter;
  /** Tokens that have no room in the part any more: they belong to the limit's owner. */
  #surplus: Surplus = NO_SURPLUS;
  #surplusAt: number;

  constructor(
    readonly told: ToldLimit,
    readonly algorithm: Algorithm,
    limit: Capacity,
    now: number,
    /** Called when a request has ended. */
    readonly freed: () => void,
  ) {
    this.limit = limit;
    this.whole = wholeOf(limit, algorithm);
    this.#meter = createMeter(algorithm, this.whole, now);
    this.#surplusAt = now;
  }

  get running(): number {
    return this.#running;
  }

  /** What the owner has to count as in use. */
  holding(now: number): Part {
    const { qps, burst } = this.#meter.held(now);
    return { qps, burst, slots: this.heldSlots };
  }

  get heldSlots(): number {
    return Math.max(this.#part.slots, this.limit.concurrency === undefined ? 0 : this.#running);
  }

  get isNothing(): boolean {
    return this.#part === NO_PART;
  }

  /** True when another part of the limit is elsewhere. */
  get isPartial(): boolean {
    return this.#part.burst < this.whole.burst || this.#part.slots < this.whole.slots;
  }

  /** True when so many tokens are not to be had but from the owner. */
  isSpotOnly(count: number): boolean {
    return this.whole.qps > 0 && this.#part.burst < count && count <= this.whole.burst;
  }

  take(count: number, now: number): Take | RateDenied {
    const { concurrency, qps } = this.limit;
    if (concurrency !== undefined && this.#running >= this.#part.slots) {
      return {
        ok: false,
        state: stateOf(this.told, concurrency, 0, SLOT_RETRY_MS),
        retryAfterMs: SLOT_RETRY_MS,
      };
    }
    let waitMs = 0;
    if (qps !== undefined) {
      waitMs = this.#takeTokens(count, now);
      if (waitMs === REFUSED) return this.#denied(count, now, qps);
    }
    this.#running += 1;
    if (qps === undefined) return new Take(this, count, now, 0, 0, Number.POSITIVE_INFINITY, 0);
    const resetMs = this.#meter.fullMs(now);
    return new Take(this, count, now, waitMs, this.#size, this.#remaining(now), resetMs);
  }

  ended(): void {
    this.#running -= 1;
    this.freed();
  }

  untake(count: number, takenAt: number): void {
    this.#meter.untake(count, takenAt);
  }

  overuse(count: number, takenAt: number): void {
    this.#meter.overuse(count, takenAt);
  }

  set(part: Part, tokens: number, now: number): void {
    this.#part = part;
    this.#giveAway(this.#meter.resize(part, tokens, now), now);
  }

  drop(now: number): void {
    this.set(NO_PART, 0, now);
  }

  /** Takes over another limit; false when it is the same in other words. A smaller one holds at once. */
  change(limit: Capacity, now: number): boolean {
    this.limit = limit;
    const whole = wholeOf(limit, this.algorithm);
    const { qps, burst, slots } = this.whole;
    if (whole.qps === qps && whole.burst === burst && whole.slots === slots) return false;
    this.whole = whole;
    this.#meter.adapt?.(whole);
    if (!this.isNothing) this.set(least(this.#part, whole), 0, now);
    return true;
  }

  get hasSurplus(): boolean {
    return this.#surplus.tokens > 0 || this.#surplus.cooling.length > 0;
  }

  /** Takes what belongs to the owner. */
  surplus(now: number): Surplus {
    const { tokens, cooling } = this.#surplus;
    const passed = now - this.#surplusAt;
    this.#surplus = NO_SURPLUS;
    return { tokens, cooling: passed === 0 ? cooling : cooling.map(aged(passed)) };
  }

  /** Keeps for the owner what it did not get, or what came too late to be used. */
  giveAway(surplus: Surplus, composedAt: number, now: number): void {
    const passed = now - composedAt;
    this.#giveAway({ tokens: surplus.tokens, cooling: surplus.cooling.map(aged(passed)) }, now);
  }

  #giveAway(more: Surplus, now: number): void {
    if (more.tokens <= 0 && more.cooling.length === 0) return;
    const { tokens, cooling } = this.surplus(now);
    this.#surplus = { tokens: tokens + more.tokens, cooling: [...cooling, ...more.cooling] };
    this.#surplusAt = now;
  }

  #takeTokens(count: number, now: number): number {
    if (this.spot < count) return this.#meter.take(count, now);
    this.spot -= count;
    return 0;
  }

  #denied(count: number, now: number, qps: number): RateDenied {
    const remaining = this.#remaining(now);
    const state = stateOf(this.told, this.#size, remaining, this.#meter.fullMs(now));
    if (count > this.whole.burst) return { ok: false, state, retryAfterMs: 0, isTooLarge: true };
    const wait = this.#meter.waitMs(count, now);
    // Without tokens of its own this node cannot know; asking again sooner than its owner is asked would not help.
    const retryAfterMs = Number.isFinite(wait)
      ? wait
      : Math.max(DENIAL_MS, Math.ceil(1_000 / Math.max(qps, 0.001)));
    return { ok: false, state, retryAfterMs };
  }

  get #size(): number {
    return Math.floor(this.whole.burst);
  }

  /** As if this node's part were the whole: what a client may expect if it comes back here. */
  #remaining(now: number): number {
    const { burst } = this.#part;
    const left = burst > 0 ? (this.#meter.left(now) * this.whole.burst) / burst : 0;
    return Math.max(0, Math.floor(left));
  }
}

/** One request's worth of a part. */
export class Take implements TokensTaken {
  readonly ok = true;

  constructor(
    readonly part: NodePart,
    readonly count: number,
    readonly at: number,
    /** Until its turn has come. */
    readonly waitMs: number,
    readonly limit: number,
    readonly remaining: number,
    readonly resetMs: number,
  ) {}

  get state(): LimitState | undefined {
    if (!Number.isFinite(this.remaining)) return undefined;
    return stateOf(this.part.told, this.limit, this.remaining, this.resetMs);
  }

  release(): void {
    this.part.ended();
  }

  undo(): void {
    this.part.untake(this.count, this.at);
    this.part.ended();
  }

  settle(used: number): void {
    if (used < this.count) this.part.untake(this.count - used, this.at);
    else if (used > this.count) this.part.overuse(used - this.count, this.at);
    this.part.ended();
  }
}

function stateOf(told: ToldLimit, limit: number, remaining: number, resetMs: number): LimitState {
  const { name, unit } = told;
  if (unit === undefined) return { name, limit, remaining, resetMs };
  return { name, unit, limit, remaining, resetMs };
}

const aged =
  (passedMs: number) =>
  ([afterMs, count]: Cooling): Cooling => [afterMs - passedMs, count];

/** A window counts whole requests; its length makes up for what rounding takes. */
export function wholeOf({ qps, burst, concurrency }: Capacity, algorithm: Algorithm): Part {
  const size = qps === undefined ? 0 : (burst ?? Math.max(1, qps));
  const whole = algorithm === "sliding-window" ? Math.max(qps === undefined ? 0 : 1, Math.floor(size)) : size;
  return { qps: qps ?? 0, burst: whole, slots: concurrency ?? 0 };
}

const least = (a: Part, b: Part): Part => ({
  qps: Math.min(a.qps, b.qps),
  burst: Math.min(a.burst, b.burst),
  slots: Math.min(a.slots, b.slots),
});
