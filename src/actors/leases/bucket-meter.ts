import { type Meter, NO_SURPLUS, REFUSED, type Surplus } from "./meter.ts";
import { type Bucket, type BucketRate, fullMs, refill, takeTokens, waitMs } from "./token-bucket.ts";

const NOTHING: BucketRate = { qps: 0, burst: 0 };

/** A node's part of a token bucket. */
export class BucketMeter implements Meter {
  readonly #bucket: Bucket;
  #part = NOTHING;

  constructor(now: number) {
    this.#bucket = { tokens: 0, at: now };
  }

  take(count: number, now: number): number {
    return takeTokens(this.#bucket, this.#part, now, count) ? 0 : REFUSED;
  }

  untake(count: number): void {
    this.#bucket.tokens = Math.min(this.#part.burst, this.#bucket.tokens + count);
  }

  overuse(count: number): void {
    this.#bucket.tokens -= count;
  }

  left(now: number): number {
    this.#bring(now);
    return Math.max(0, this.#bucket.tokens);
  }

  waitMs(count: number, now: number): number {
    this.#bring(now);
    return waitMs(this.#bucket, this.#part, count);
  }

  fullMs(now: number): number {
    this.#bring(now);
    return fullMs(this.#bucket, this.#part);
  }

  held(): BucketRate {
    return this.#part;
  }

  /** Asked several times at one moment, it fills once. */
  #bring(now: number): void {
    if (now !== this.#bucket.at) refill(this.#bucket, this.#part, now);
  }

  resize(part: BucketRate, tokens: number, now: number): Surplus {
    refill(this.#bucket, this.#part, now);
    this.#part = part;
    this.#bucket.tokens += tokens;
    const over = this.#bucket.tokens - part.burst;
    if (over <= 0) return NO_SURPLUS;
    this.#bucket.tokens = part.burst;
    return { tokens: over, cooling: [] };
  }
}
