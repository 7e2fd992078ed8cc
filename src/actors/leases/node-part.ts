import type { LimitState } from "../../core/errors.ts";
import { NO_PART, type Part } from "../shares.ts";
import type { Capacity, RateDenied, RateTaken } from "./leases.ts";
import { type Bucket, fullMs, refill, takeTokens, waitMs } from "./token-bucket.ts";

/** When a slot may be free again is not known; clients shall not ask faster than this. */
const SLOT_RETRY_MS = 250;

/** What a node may admit on its own under one limit: a bucket and slots. Arithmetic only. */
export class NodePart {
  limit: Capacity;
  whole: Part;
  /** Tokens that have no room in the part any more: they belong to the limit's owner. */
  returned = 0;
  /** Tokens to be used at once; the limit is too small to be split. */
  spot = 0;
  #part: Part = NO_PART;
  #running = 0;
  readonly #bucket: Bucket;

  constructor(
    /** As the client is told: `tenant`, `key`, `vendor`. */
    readonly name: string,
    limit: Capacity,
    now: number,
    /** Called when a request has ended. */
    readonly freed: () => void,
  ) {
    this.limit = limit;
    this.whole = wholeOf(limit);
    this.#bucket = { tokens: 0, at: now };
  }

  get running(): number {
    return this.#running;
  }

  /** What the owner has to count as in use. */
  get holding(): Part {
    const { qps, burst, slots } = this.#part;
    return { qps, burst, slots: Math.max(slots, this.limit.concurrency === undefined ? 0 : this.#running) };
  }

  get isNothing(): boolean {
    return this.#part === NO_PART;
  }

  /** True when another part of the limit is elsewhere. */
  get isPartial(): boolean {
    return this.#part.qps < this.whole.qps || this.#part.slots < this.whole.slots;
  }

  /** True when there is no token to be had but from the owner. */
  get isSpotOnly(): boolean {
    return this.whole.qps > 0 && this.#part.burst < 1;
  }

  /** Shared by all takes, so that a take makes no functions. */
  readonly #release = (): void => {
    this.#running -= 1;
    this.freed();
  };

  readonly #undo = (): void => {
    this.#bucket.tokens = Math.min(this.#part.burst, this.#bucket.tokens + 1);
    this.#release();
  };

  take(now: number): RateTaken | RateDenied {
    const { concurrency, qps } = this.limit;
    if (concurrency !== undefined && this.#running >= this.#part.slots) {
      return {
        ok: false,
        state: { name: this.name, limit: concurrency, remaining: 0, resetMs: SLOT_RETRY_MS },
        retryAfterMs: SLOT_RETRY_MS,
      };
    }
    if (qps !== undefined && !this.#takeToken(now)) {
      const wait = waitMs(this.#bucket, this.#part);
      const retryAfterMs = Number.isFinite(wait) ? wait : Math.ceil(1_000 / Math.max(qps, 0.001));
      return { ok: false, state: this.#state(), retryAfterMs };
    }
    this.#running += 1;
    const state = qps === undefined ? undefined : this.#state();
    return { ok: true, state, release: this.#release, undo: this.#undo };
  }

  set(part: Part, tokens: number, now: number): void {
    refill(this.#bucket, this.#part, now);
    this.#part = part;
    this.#bucket.tokens += tokens;
    const over = this.#bucket.tokens - part.burst;
    if (over <= 0) return;
    this.#bucket.tokens = part.burst;
    this.returned += over;
  }

  drop(now: number): void {
    this.set(NO_PART, 0, now);
  }

  /** Takes over another limit; false when it is the same in other words. A smaller one holds at once. */
  change(limit: Capacity, now: number): boolean {
    this.limit = limit;
    const whole = wholeOf(limit);
    const { qps, burst, slots } = this.whole;
    if (whole.qps === qps && whole.burst === burst && whole.slots === slots) return false;
    this.whole = whole;
    if (!this.isNothing) this.set(least(this.#part, whole), 0, now);
    return true;
  }

  #takeToken(now: number): boolean {
    if (this.spot >= 1) {
      this.spot -= 1;
      return true;
    }
    return takeTokens(this.#bucket, this.#part, now);
  }

  /** As if this node's part were the whole: what a client may expect if it comes back here. */
  #state(): LimitState {
    const { burst } = this.whole;
    const scale = this.#part.burst > 0 ? burst / this.#part.burst : 0;
    return {
      name: this.name,
      limit: Math.floor(burst),
      remaining: Math.max(0, Math.floor(this.#bucket.tokens * scale)),
      resetMs: fullMs(this.#bucket, this.#part),
    };
  }
}

function wholeOf({ qps, burst, concurrency }: Capacity): Part {
  const size = qps === undefined ? 0 : (burst ?? Math.max(1, qps));
  return { qps: qps ?? 0, burst: size, slots: concurrency ?? 0 };
}

const least = (a: Part, b: Part): Part => ({
  qps: Math.min(a.qps, b.qps),
  burst: Math.min(a.burst, b.burst),
  slots: Math.min(a.slots, b.slots),
});
