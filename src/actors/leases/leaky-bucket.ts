import { type Meter, NO_SURPLUS, REFUSED, type Surplus } from "./meter.ts";
import type { BucketRate } from "./token-bucket.ts";

/** Nobody waits longer for a turn, however large the bucket: another vendor may answer sooner. */
export const LONGEST_TURN_MS = 5_000;

/** Rounding must not refuse the last one that fits. */
const ALMOST_MS = 1e-6;

/**
 * A node's part of a leaky bucket: turns at even distances. Whoever takes one waits for it; no more than
 * `burst` wait. Any window of w seconds holds at most 1 + rate · w turns.
 */
export class LeakyBucket implements Meter {
  /** When the next turn is. */
  #nextAt: number;
  #part: BucketRate = { qps: 0, burst: 0 };
  /** Turns given out at a former, higher rate go on until `#fasterUntil`. */
  #fasterQps = 0;
  #fasterUntil = Number.NEGATIVE_INFINITY;

  constructor(now: number) {
    this.#nextAt = now;
  }

  take(count: number, now: number): number {
    if (this.#part.qps <= 0) return REFUSED;
    const turnAt = Math.max(now, this.#nextAt);
    if (turnAt - now > this.#longestMs + ALMOST_MS) return REFUSED;
    this.#nextAt = turnAt + count * this.#distanceMs;
    return turnAt - now;
  }

  untake(count: number): void {
    if (this.#part.qps > 0) this.#nextAt -= count * this.#distanceMs;
  }

  overuse(count: number): void {
    if (this.#part.qps > 0) this.#nextAt += count * this.#distanceMs;
  }

  left(now: number): number {
    const roomMs = this.#longestMs - Math.max(0, this.#nextAt - now);
    return this.#part.qps <= 0 || roomMs < 0 ? 0 : Math.floor(roomMs / this.#distanceMs + ALMOST_MS) + 1;
  }

  waitMs(_count: number, now: number): number {
    if (this.#part.qps <= 0) return Number.POSITIVE_INFINITY;
    return Math.max(0, Math.ceil(this.#nextAt - now - this.#longestMs));
  }

  fullMs(now: number): number {
    return Math.max(0, Math.ceil(this.#nextAt - now));
  }

  held(now: number): BucketRate {
    const { qps, burst } = this.#part;
    return { qps: now < this.#fasterUntil ? Math.max(qps, this.#fasterQps) : qps, burst };
  }

  resize(part: BucketRate, _tokens: number, now: number): Surplus {
    const { qps } = this.held(now);
    if (part.qps < qps && this.#nextAt > now) {
      this.#fasterQps = qps;
      this.#fasterUntil = Math.max(this.#fasterUntil, this.#nextAt);
    }
    this.#part = part;
    return NO_SURPLUS;
  }

  get #distanceMs(): number {
    return 1_000 / this.#part.qps;
  }

  get #longestMs(): number {
    return Math.min(LONGEST_TURN_MS, this.#part.burst * this.#distanceMs);
  }
}
