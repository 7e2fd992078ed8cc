import type { Algorithm } from "../core/algorithms.ts";
import type { Surplus } from "./leases/meter.ts";
import { SlidingWindow } from "./leases/sliding-window.ts";
import { type Bucket, type BucketRate, refill } from "./leases/token-bucket.ts";

/** The tokens of a limit that no node holds. `room`: what of the limit no node has a part in. */
export interface Reserve {
  /** Tokens that can be handed out; `pass` brings them up to now. */
  readonly free: number;
  pass(room: BucketRate, now: number): void;
  /** A holder has let go of a part, which is in `room` by now. */
  receive(surplus: Surplus, room: BucketRate, now: number): void;
  /** Gives tokens to a node; `isSpent`: to be used at once, so that they are no part of it. */
  give(count: number, isSpent: boolean, now: number): void;
  /** The limit is another one, and so much larger (not below 0). */
  adapt(whole: BucketRate, more: number): void;
}

/**
 * The reserve of a limit that is counted by `algorithm`.
 * @param tokens with which it begins
 * @param now monotonic milliseconds
 */
export function createReserve(algorithm: Algorithm, whole: BucketRate, tokens: number, now: number): Reserve {
  return algorithm === "sliding-window"
    ? new WindowReserve(whole, tokens, now)
    : new BucketReserve(tokens, now);
}

/** Fills as fast as the room allows. */
class BucketReserve implements Reserve {
  readonly #bucket: Bucket;

  constructor(tokens: number, now: number) {
    this.#bucket = { tokens, at: now };
  }

  get free(): number {
    return this.#bucket.tokens;
  }

  pass(room: BucketRate, now: number): void {
    refill(this.#bucket, room, now);
  }

  receive({ tokens }: Surplus, room: BucketRate): void {
    this.#bucket.tokens = Math.min(room.burst, this.#bucket.tokens + Math.max(0, tokens));
  }

  give(count: number): void {
    this.#bucket.tokens -= count;
  }

  adapt(): void {}
}

/**
 * Holds exactly as many tokens as there is room. What a holder lets go of counts as it says; of what it does
 * not say anything (it died, a message was lost) nobody knows when it was used: that is back after a window.
 */
class WindowReserve implements Reserve {
  readonly #window: SlidingWindow;
  #now: number;

  constructor(whole: BucketRate, tokens: number, now: number) {
    this.#window = new SlidingWindow(whole);
    this.#window.accept({ tokens, cooling: [] }, now);
    this.#now = now;
  }

  get free(): number {
    return this.#window.left(this.#now);
  }

  pass(_room: BucketRate, now: number): void {
    this.#now = now;
  }

  receive(surplus: Surplus, room: BucketRate, now: number): void {
    this.#now = now;
    let more = room.burst - this.#window.total;
    if (more < 0) this.#window.surrender(-more, now);
    // What is usable latest is believed first: a message that comes twice must not make tokens usable early.
    for (const [afterMs, count] of [...surplus.cooling].sort(([a], [b]) => b - a)) {
      const taken = Math.min(Math.max(0, more), count);
      if (taken > 0) this.#window.accept({ tokens: 0, cooling: [[afterMs, taken]] }, now);
      more -= taken;
    }
    const tokens = Math.min(Math.max(0, more), Math.max(0, surplus.tokens));
    this.#window.accept({ tokens, cooling: [] }, now);
    if (more - tokens > 0) this.#window.acceptUnknown(more - tokens, now);
  }

  give(count: number, isSpent: boolean, now: number): void {
    this.#now = now;
    if (isSpent) this.#window.take(count, now);
    else this.#window.surrender(count, now);
  }

  adapt(whole: BucketRate, more: number): void {
    this.#window.adapt(whole);
    this.#window.accept({ tokens: more, cooling: [] }, this.#now);
  }
}
