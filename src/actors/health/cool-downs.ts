import { MAX_RETRY_AFTER_MS } from "../../core/limits.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";

/** A key that the vendor refuses: someone has to look at it, so it is tried seldom. */
const REFUSED_MS = 60_000;
const REFUSED_MOST_MS = 900_000;
/** A key whose account is over its rate, when the vendor does not say for how long. */
const LIMITED_MS = 1_000;
const LIMITED_MOST_MS = 30_000;
/** Keys of one vendor that are remembered: far above what anyone configures. */
const MOST_KEYS = 1_000;

const NONE: ReadonlySet<string> = new Set();

interface CoolDown {
  until: number;
  /** How often in a row; each time waits twice as long. */
  strikes: number;
}

/** Which keys of one vendor are set aside, and until when (monotonic). */
export class CoolDowns {
  readonly #keys = new Map<string, CoolDown>();
  #cooling: ReadonlySet<string> = NONE;
  #changesAt = Number.POSITIVE_INFINITY;

  /** The keys set aside now; the same set as long as nothing changes. */
  cooling(now: number): ReadonlySet<string> {
    if (now >= this.#changesAt) this.#refresh(now);
    return this.#cooling;
  }

  /** When the next key comes back; Infinity when none is set aside. */
  get changesAt(): number {
    return this.#changesAt;
  }

  /** Milliseconds for which the failure sets its key aside; 0 when it is not the key's or its account's fault. */
  failed(key: string, failure: VendorFailure, now: number): number {
    const ms = this.#coolMs(key, failure, now);
    if (ms > 0) this.set(key, ms, now);
    return ms;
  }

  succeeded(key: string): void {
    const known = this.#keys.get(key);
    if (known !== undefined) known.strikes = 0;
  }

  /** Never shortens what is there. */
  set(key: string, ms: number, now: number): void {
    const known = this.#keys.get(key);
    const until = now + Math.min(ms, REFUSED_MOST_MS);
    if (known === undefined) {
      if (this.#keys.size >= MOST_KEYS) this.#forgetOldest();
      this.#keys.set(key, { until, strikes: 1 });
    } else {
      // Many requests fail at once with one key: that is one strike.
      if (now >= known.until) known.strikes += 1;
      known.until = Math.max(known.until, until);
    }
    this.#refresh(now);
  }

  /** Adopts what another node found out. */
  adopt(key: string, ms: number, now: number): void {
    const known = this.#keys.get(key);
    if (known !== undefined && known.until >= now + ms) return;
    this.set(key, ms, now);
  }

  remaining(now: number): { readonly key: string; readonly ms: number }[] {
    return [...this.cooling(now)].map((key) => ({ key, ms: (this.#keys.get(key)?.until ?? now) - now }));
  }

  #coolMs(key: string, failure: VendorFailure, now: number): number {
    const known = this.#keys.get(key);
    const doublings = known === undefined ? 0 : known.strikes - (now < known.until ? 1 : 0);
    switch (failure.fault) {
      case "key":
        return Math.min(REFUSED_MS * 2 ** doublings, REFUSED_MOST_MS);
      case "account":
        if (failure.retryAfterMs !== undefined) return Math.min(failure.retryAfterMs, MAX_RETRY_AFTER_MS);
        return Math.min(LIMITED_MS * 2 ** doublings, LIMITED_MOST_MS);
      case "request":
      case "vendor":
      case "config":
        return 0;
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#keys.keys();
    if (oldest !== undefined) this.#keys.delete(oldest);
  }

  #refresh(now: number): void {
    const cooling = new Set<string>();
    this.#changesAt = Number.POSITIVE_INFINITY;
    for (const [key, { until, strikes }] of this.#keys) {
      if (until > now) {
        cooling.add(key);
        this.#changesAt = Math.min(this.#changesAt, until);
      } else if (strikes === 0) this.#keys.delete(key);
    }
    this.#cooling = cooling.size === 0 ? NONE : cooling;
  }
}
