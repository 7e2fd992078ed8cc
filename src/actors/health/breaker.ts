import { type Counts, HealthWindow } from "./health-window.ts";

export type BreakerState = "closed" | "open" | "half_open";

/** What happened since the last time, oldest first: of the failures, `trailing` came after the last success. */
export interface Results {
  readonly successes: number;
  readonly failures: number;
  readonly trailing: number;
  /** Of all, how many took too long to their first token. */
  readonly slow: number;
}

/** Failures in a row that open the breaker whatever the ratio is. */
const MOST_CONSECUTIVE = 5;
/** Ratios mean nothing below this many requests. */
const LEAST_REQUESTS = 10;
const MOST_ERROR_RATIO = 0.5;
const MOST_SLOW_RATIO = 0.8;
/** Open for this long, doubling each time that a probe fails. */
const OPEN_MS = 5_000;
const OPEN_MOST_MS = 60_000;
/** Probes that must succeed before everything is let through again. */
const PROBES = 2;
/** A probe whose end nobody reported. */
const PROBE_LOST_MS = 60_000;

/**
 * Keeps requests away from a vendor that is failing or slow, and tries it again with single requests. Knows
 * nothing but counts and time, so it works on what one node saw as well as on what all saw.
 */
export class Breaker {
  readonly #window = new HealthWindow();
  #openUntil: number | undefined;
  #openMs = OPEN_MS;
  #consecutive = 0;
  #probed = 0;
  #probeSince: number | undefined;

  state(now: number): BreakerState {
    if (this.#openUntil === undefined) return "closed";
    return now < this.#openUntil ? "open" : "half_open";
  }

  /** When time alone will change the state; Infinity when it will not. */
  get changesAt(): number {
    return this.#openUntil ?? Number.POSITIVE_INFINITY;
  }

  /** True when one more request may go. In the half-open state that makes it the probe, until a result comes. */
  begin(now: number): boolean {
    const state = this.state(now);
    if (state !== "half_open") return state === "closed";
    if (this.#probeSince !== undefined && now - this.#probeSince < PROBE_LOST_MS) return false;
    this.#probeSince = now;
    return true;
  }

  /** The last ten seconds. */
  counts(now: number): Counts {
    return this.#window.counts(now);
  }

  record(results: Results, now: number): void {
    const { successes, failures, slow } = results;
    if (successes + failures === 0) return;
    this.#probeSince = undefined;
    this.#window.add(successes + failures, failures, slow, now);
    switch (this.state(now)) {
      case "closed":
        this.#consecutive = results.successes > 0 ? results.trailing : this.#consecutive + results.failures;
        if (this.#isFailing) this.#open(now);
        return;
      case "half_open":
        this.#judgeProbe(results, now);
        return;
      case "open":
        // Requests that began before; they say nothing about now.
        return;
    }
  }

  /** A request ended without saying anything about the vendor. */
  recordNothing(): void {
    this.#probeSince = undefined;
  }

  #judgeProbe({ successes, failures }: Results, now: number): void {
    if (failures > 0) {
      this.#openMs = Math.min(this.#openMs * 2, OPEN_MOST_MS);
      this.#open(now);
      return;
    }
    this.#probed += successes;
    if (this.#probed < PROBES) return;
    this.#openUntil = undefined;
    this.#openMs = OPEN_MS;
    this.#consecutive = 0;
    // What went wrong before is over; it must not open the breaker at the next failure.
    this.#window.clear();
  }

  get #isFailing(): boolean {
    if (this.#consecutive >= MOST_CONSECUTIVE) return true;
    return this.#window.isBeyond(LEAST_REQUESTS, MOST_ERROR_RATIO, MOST_SLOW_RATIO);
  }

  #open(now: number): void {
    this.#openUntil = now + this.#openMs;
    this.#consecutive = 0;
    this.#probed = 0;
  }
}
