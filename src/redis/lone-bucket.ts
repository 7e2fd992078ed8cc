import type { BucketSize } from "./token-bucket.ts";

/** A token bucket of this node alone. Times are monotonic milliseconds. */
export class LoneBucket {
  #tokens: number | undefined;
  #at = 0;

  /** Takes one token; 0, or how many milliseconds until there is one. Begins full. */
  take({ qps, burst }: BucketSize, now: number): number {
    const filled =
      this.#tokens === undefined ? burst : this.#tokens + (Math.max(0, now - this.#at) * qps) / 1_000;
    const level = Math.min(burst, filled);
    this.#at = now;
    // Rounding must not cost a token.
    const isThere = level + 1e-9 >= 1;
    this.#tokens = isThere ? level - 1 : level;
    return isThere ? 0 : Math.ceil(((1 - level) * 1_000) / qps);
  }

  putBack(): void {
    if (this.#tokens !== undefined) this.#tokens += 1;
  }

  get left(): number {
    return Math.max(0, Math.floor(this.#tokens ?? 0));
  }
}
