/** Milliseconds of the first bucket, and how much each is wider than the one before it: 10 ms to 10 minutes. */
const FIRST_MS = 10;
const GROWTH = 1.2;
const BUCKETS = 61;

/** Fewer tell nothing about the slowest of them. */
const LEAST_SAMPLES = 20;

/** Then all counts are halved, so that a vendor is judged by its last hours rather than by its last months. */
const MOST_SAMPLES = 1_000;

/** How long a route takes to its first token: a histogram of bounded size that forgets. */
export class FirstTokenTimes {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  add(ms: number): void {
    const bucket = ms <= FIRST_MS ? 0 : Math.ceil(Math.log(ms / FIRST_MS) / Math.log(GROWTH));
    const at = Math.min(bucket, BUCKETS - 1);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#total += 1;
    if (this.#total < MOST_SAMPLES) return;
    for (let index = 0; index < BUCKETS; index += 1) this.#counts[index] = (this.#counts[index] ?? 0) / 2;
    this.#total /= 2;
  }

  /** Milliseconds within which this share of the calls began, at most a fifth too many; undefined while too few are known. */
  within(share: number): number | undefined {
    if (this.#total < LEAST_SAMPLES) return undefined;
    let seen = 0;
    for (let at = 0; at < BUCKETS; at += 1) {
      seen += this.#counts[at] ?? 0;
      if (seen >= share * this.#total) return FIRST_MS * GROWTH ** at;
    }
    return FIRST_MS * GROWTH ** (BUCKETS - 1);
  }
}
