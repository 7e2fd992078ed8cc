/** Upper bounds grow by a third each: 10 ms, 13 ms … 110 s. A quantile is right within a seventh. */
const BUCKETS = 34;
const FIRST_MS = 10;
const GROWTH = 4 / 3;
const PER_BUCKET = 1 / Math.log(GROWTH);

/** How often old samples lose half of their weight. */
const HALF_LIFE_MS = 30_000;

/** Fewer samples than this say nothing. */
const LEAST_WEIGHT = 0.5;

/** Milliseconds seen lately, in a fixed number of counters. */
export class LatencyHistogram {
  readonly #weights = new Float64Array(BUCKETS);
  #total = 0;
  #halvedAt: number;

  constructor(now: number) {
    this.#halvedAt = now;
  }

  add(ms: number, now: number): void {
    this.addTo(bucketOf(ms), 1, now);
  }

  addTo(bucket: number, count: number, now: number): void {
    this.#decay(now);
    const index = Math.min(Math.max(Math.trunc(bucket), 0), BUCKETS - 1);
    this.#weights[index] = (this.#weights[index] ?? 0) + count;
    this.#total += count;
  }

  /** The value that a `share` of the samples does not exceed; undefined without samples. */
  quantile(share: number, now: number): number | undefined {
    this.#decay(now);
    if (this.#total < LEAST_WEIGHT) return undefined;
    let below = 0;
    for (const [bucket, weight] of this.#weights.entries()) {
      below += weight;
      if (below >= this.#total * share) return middleOf(bucket);
    }
    return middleOf(BUCKETS - 1);
  }

  #decay(now: number): void {
    const elapsed = now - this.#halvedAt;
    if (elapsed < HALF_LIFE_MS) return;
    const factor = 0.5 ** Math.floor(elapsed / HALF_LIFE_MS);
    this.#halvedAt = now;
    this.#total = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const weight = (this.#weights[bucket] ?? 0) * factor;
      this.#weights[bucket] = weight;
      this.#total += weight;
    }
  }
}

/** The bucket of a duration in milliseconds: the first for what is no time at all, the last for all that is longer. */
export function bucketOf(ms: number): number {
  if (!(ms > FIRST_MS)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(ms / FIRST_MS) * PER_BUCKET));
}

const middleOf = (bucket: number): number => Math.round(FIRST_MS * GROWTH ** (bucket - 0.5));
