/** Events closer together than this count as one: an exponential for each costs more than it tells. */
const FINEST_MS = 1;

/** How fast something happens, smoothed: events count less the older they are. */
export class RateMeter {
  #perMs = 0;
  #at: number;

  /** `smoothingMs`: the time after which an event counts for a third. */
  constructor(
    now: number,
    readonly smoothingMs = 2_000,
  ) {
    this.#at = now;
  }

  add(amount: number, now: number): void {
    this.#decay(now);
    this.#perMs += amount / this.smoothingMs;
  }

  /** A second. */
  rate(now: number): number {
    this.#decay(now);
    return this.#perMs * 1_000;
  }

  #decay(now: number): void {
    const elapsed = now - this.#at;
    if (elapsed < FINEST_MS) return;
    this.#perMs *= Math.exp(-elapsed / this.smoothingMs);
    this.#at = now;
  }
}
