/** Seconds that are looked back. */
const SLOTS = 10;
const SLOT_MS = 1_000;

export interface Counts {
  readonly requests: number;
  /** Of these, how many failed by the vendor's fault. */
  readonly errors: number;
  /** Of these, how many took too long to their first token. */
  readonly slow: number;
}

interface Slot {
  requests: number;
  errors: number;
  slow: number;
}

/** Counts over the last ten seconds, in a ring of one-second slots. */
export class HealthWindow {
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({ requests: 0, errors: 0, slow: 0 }));
  #newest = -1;
  #requests = 0;
  #errors = 0;
  #slow = 0;

  add(requests: number, errors: number, slow: number, now: number): void {
    const slot = this.#slotAt(now);
    slot.requests += requests;
    slot.errors += errors;
    slot.slow += slow;
    this.#requests += requests;
    this.#errors += errors;
    this.#slow += slow;
  }

  counts(now: number): Counts {
    this.#slotAt(now);
    return { requests: this.#requests, errors: this.#errors, slow: this.#slow };
  }

  /** True when of at least `least` requests, as of the last one, such shares failed or were slow. */
  isBeyond(least: number, errorRatio: number, slowRatio: number): boolean {
    const requests = this.#requests;
    if (requests < least) return false;
    return this.#errors >= requests * errorRatio || this.#slow >= requests * slowRatio;
  }

  clear(): void {
    for (const slot of this.#slots) this.#empty(slot);
  }

  /** The slot of this second; those that fell out of the window meanwhile are emptied. */
  #slotAt(now: number): Slot {
    const second = Math.max(this.#newest, Math.floor(now / SLOT_MS));
    const first = Math.max(this.#newest + 1, second - SLOTS + 1);
    for (let passed = first; passed <= second; passed += 1) this.#empty(this.#slotOf(passed));
    this.#newest = second;
    return this.#slotOf(second);
  }

  #slotOf(second: number): Slot {
    const slot = this.#slots[second % SLOTS];
    if (slot === undefined) throw new Error("a window has a slot for every second");
    return slot;
  }

  #empty(slot: Slot): void {
    this.#requests -= slot.requests;
    this.#errors -= slot.errors;
    this.#slow -= slot.slow;
    slot.requests = 0;
    slot.errors = 0;
    slot.slow = 0;
  }
}
