/**
 * A token bucket as arithmetic. A bucket of size `burst` that fills with `qps` tokens a second admits at most
 * `burst + qps · w` requests in any window of w seconds.
 */
export interface Bucket {
  /** Tokens at `at`; may be a fraction, and negative where a debt is carried. */
  tokens: number;
  /** Monotonic milliseconds. */
  at: number;
}

export interface BucketRate {
  readonly qps: number;
  readonly burst: number;
}

/** Rounding must not cost a whole token: 0.1 + 0.2 seconds' worth is a token at 10/3 qps. */
const ALMOST = 1e-9;

/** Brings the level up to `now`. A clock that stood still or a bucket made smaller is no problem. */
export function refill(bucket: Bucket, rate: BucketRate, now: number): void {
  const elapsedMs = Math.max(0, now - bucket.at);
  bucket.tokens = Math.min(rate.burst, bucket.tokens + (elapsedMs * rate.qps) / 1_000);
  bucket.at = Math.max(bucket.at, now);
}

/** Takes `count` tokens, all or none. */
export function takeTokens(bucket: Bucket, rate: BucketRate, now: number, count = 1): boolean {
  refill(bucket, rate, now);
  if (bucket.tokens + ALMOST < count) return false;
  bucket.tokens -= count;
  return true;
}

/** Milliseconds until `count` tokens will be there; Infinity when the bucket never holds as many. Call after `refill`. */
export function waitMs(bucket: Bucket, rate: BucketRate, count = 1): number {
  const missing = count - bucket.tokens;
  if (missing <= ALMOST) return 0;
  if (rate.qps <= 0 || rate.burst + ALMOST < count) return Number.POSITIVE_INFINITY;
  return Math.ceil((missing * 1_000) / rate.qps);
}

/** Milliseconds until the bucket is full. Call after `refill`. */
export function fullMs(bucket: Bucket, rate: BucketRate): number {
  if (bucket.tokens >= rate.burst || rate.qps <= 0) return 0;
  return Math.ceil(((rate.burst - bucket.tokens) * 1_000) / rate.qps);
}
