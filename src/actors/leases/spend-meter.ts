import { RateMeter } from "./rate-meter.ts";

/** Refill when less than this many seconds of spending is left; ask for this many. */
const LOW_SECONDS = 1;
const WANTED_SECONDS = 4;

/** Ask for this many requests at least: a slow spender shall not ask its owner for each. */
const WANTED_REQUESTS = 400;

/** Before anything was measured: this many times what is needed. */
const FIRST_WANT = 16n;

/**
 * Holds come back at once, but for the time of a request they are gone: a quarter second of holds must be
 * there, too, or every swing of the load would find the purse empty.
 */
const HOLD_WEIGHT = 0.25;

/** How often the figures are worked out anew. */
const FRESH_MS = 200;

/** Measures what one node spends of one quantity, and says how much of it to keep at hand. */
export class SpendMeter {
  readonly #held: RateMeter;
  readonly #used: RateMeter;
  /** Smoothed cost of a request. */
  #cost = 0;
  #lowWater = 0n;
  #freshUntil = 0;

  constructor(now: number) {
    this.#held = new RateMeter(now);
    this.#used = new RateMeter(now);
  }

  held(amount: bigint, now: number): void {
    this.#held.add(Number(amount), now);
  }

  used(amount: bigint, now: number): void {
    const cost = Number(amount);
    this.#used.add(cost, now);
    this.#cost = this.#cost === 0 ? cost : this.#cost + (cost - this.#cost) / 16;
  }

  /** Ask ahead of need when less than this is available. */
  lowWater(now: number): bigint {
    if (now >= this.#freshUntil) {
      this.#lowWater = BigInt(Math.ceil(this.#rate(now) * LOW_SECONDS));
      this.#freshUntil = now + FRESH_MS;
    }
    return this.#lowWater;
  }

  want(need: bigint, now: number): bigint {
    const ahead = Math.max(this.#rate(now) * WANTED_SECONDS, this.#cost * WANTED_REQUESTS);
    const first = need * FIRST_WANT;
    const want = BigInt(Math.ceil(ahead));
    return want > first ? want : first;
  }

  #rate(now: number): number {
    return Math.max(this.#used.rate(now), this.#held.rate(now) * HOLD_WEIGHT);
  }
}
