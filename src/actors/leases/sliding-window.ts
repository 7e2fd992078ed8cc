import { type Cooling, type Meter, NO_SURPLUS, REFUSED, type Surplus } from "./meter.ts";
import type { BucketRate } from "./token-bucket.ts";

/**
 * A sliding window is told by what is remembered of a window: takes that are closer together than this share
 * of it are forgotten together, with the last of them. So a token is never back early, at most 0.8 % late, and
 * no more than so many (and two) moments are kept.
 */
const SUB_WINDOWS = 128;

/** Entries that are over are cut off when there are so many. */
const CUT_AT = 64;

const ALMOST = 1e-9;

/**
 * A sliding window as tokens that come back: each can be used again one window after it was taken. Tokens are
 * only moved between a limit's owner and its nodes, never made, so however they are spread, together they are
 * used at most as often as there are tokens in any window.
 */
export class SlidingWindow implements Meter {
  /** Below zero where a debt is carried. */
  #free = 0;
  #cooling = 0;
  /** When tokens were taken, ascending, and how many; from `#head` on. */
  #at: number[] = [];
  #counts: number[] = [];
  #head = 0;

  #windowMs: number;

  constructor(whole: BucketRate) {
    this.#windowMs = windowMsOf(whole);
  }

  adapt(whole: BucketRate): void {
    this.#windowMs = windowMsOf(whole);
  }

  get total(): number {
    return this.#free + this.#cooling;
  }

  take(count: number, now: number): number {
    this.#settle(now);
    if (this.#free + ALMOST < count) return REFUSED;
    this.#free -= count;
    this.#cool(count, now);
    return 0;
  }

  /** Tokens that were given away meanwhile stay counted. */
  untake(count: number, takenAt: number): void {
    const index = this.#indexOf(takenAt);
    if (index === undefined) return;
    const undone = Math.min(count, this.#counts[index] ?? 0);
    this.#counts[index] = (this.#counts[index] ?? 0) - undone;
    this.#cooling -= undone;
    this.#free += undone;
  }

  overuse(count: number, takenAt: number): void {
    this.#free -= count;
    this.#cool(count, takenAt);
  }

  left(now: number): number {
    this.#settle(now);
    return Math.max(0, this.#free);
  }

  waitMs(count: number, now: number): number {
    this.#settle(now);
    let there = this.#free;
    if (there + ALMOST >= count) return 0;
    for (let index = this.#head; index < this.#at.length; index += 1) {
      there += this.#counts[index] ?? 0;
      if (there + ALMOST >= count) return Math.ceil((this.#at[index] ?? 0) + this.#windowMs - now);
    }
    return Number.POSITIVE_INFINITY;
  }

  fullMs(now: number): number {
    this.#settle(now);
    const last = this.#at.at(-1);
    return last === undefined || this.#cooling === 0 ? 0 : Math.ceil(last + this.#windowMs - now);
  }

  held(now: number): BucketRate {
    this.#settle(now);
    const burst = this.total;
    return { qps: this.#windowMs <= 0 ? 0 : (burst * 1_000) / this.#windowMs, burst };
  }

  resize({ burst }: BucketRate, tokens: number, now: number): Surplus {
    this.#settle(now);
    this.#free += tokens;
    return this.surrender(this.total - burst, now);
  }

  /** Gives `count` tokens away: usable ones first, then those that are usable soonest. */
  surrender(count: number, now: number): Surplus {
    if (count <= 0) return NO_SURPLUS;
    const tokens = Math.min(count, Math.max(0, this.#free));
    this.#free -= tokens;
    const cooling: Cooling[] = [];
    for (let left = count - tokens; left > ALMOST && this.#head < this.#at.length; ) {
      const there = this.#counts[this.#head] ?? 0;
      const given = Math.min(left, there);
      if (given > 0) cooling.push([(this.#at[this.#head] ?? 0) + this.#windowMs - now, given]);
      left -= given;
      this.#cooling -= given;
      if (given < there) this.#counts[this.#head] = there - given;
      else this.#head += 1;
    }
    this.#cut();
    return { tokens, cooling };
  }

  /** Takes over what another gave away. */
  accept({ tokens, cooling }: Surplus, now: number): void {
    this.#free += tokens;
    for (const [afterMs, count] of cooling) {
      // Never later than a whole window: the other's clock may have jumped.
      this.#cool(count, now - this.#windowMs + Math.min(this.#windowMs, Math.max(0, afterMs)));
    }
  }

  /** Tokens of which nobody knows whether they were just used. */
  acceptUnknown(count: number, now: number): void {
    this.#cool(count, now);
  }

  /** Brings back what was taken a window ago. */
  #settle(now: number): void {
    while (this.#head < this.#at.length && (this.#at[this.#head] ?? 0) + this.#windowMs <= now) {
      const count = this.#counts[this.#head] ?? 0;
      this.#cooling -= count;
      this.#free += count;
      this.#head += 1;
    }
    this.#cut();
  }

  #cool(count: number, at: number): void {
    this.#cooling += count;
    let index = this.#at.length - 1;
    while (index >= this.#head && (this.#at[index] ?? 0) > at && !this.#isTogether(index, at)) index -= 1;
    if (index >= this.#head && this.#isTogether(index, at)) {
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
      this.#at[index] = Math.max(this.#at[index] ?? 0, at);
    } else if (index === this.#at.length - 1) {
      this.#at.push(at);
      this.#counts.push(count);
    } else {
      this.#at.splice(index + 1, 0, at);
      this.#counts.splice(index + 1, 0, count);
    }
  }

  #isTogether(index: number, at: number): boolean {
    return this.#slotOf(this.#at[index] ?? 0) === this.#slotOf(at);
  }

  #slotOf(at: number): number {
    return Math.floor((at * SUB_WINDOWS) / this.#windowMs);
  }

  #indexOf(at: number): number | undefined {
    for (let index = this.#at.length - 1; index >= this.#head; index -= 1) {
      if (this.#isTogether(index, at)) return index;
      if ((this.#at[index] ?? 0) < at) return undefined;
    }
    return undefined;
  }

  #cut(): void {
    if (this.#head === this.#at.length && this.#head > 0) {
      this.#at.length = 0;
      this.#counts.length = 0;
      this.#head = 0;
    } else if (this.#head >= CUT_AT) {
      this.#at.splice(0, this.#head);
      this.#counts.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

/** The window in which a sliding window of this rate admits its burst. */
const windowMsOf = ({ qps, burst }: BucketRate): number => (qps <= 0 ? 0 : (burst * 1_000) / qps);
