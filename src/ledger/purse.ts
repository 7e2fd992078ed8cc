import { add, least, type Micropoints, micropointsOf, subtract, ZERO } from "../core/points.ts";

/**
 * What a node may spend for one tenant, in memory: points that the ledger has already granted. Every point is
 * in exactly one place: available, held for a running request, or charged and not yet booked (`unsettled`).
 * The ledger's purse account holds their sum. What is unsettled is worked out of it, since no request asks for that:
 * each figure that is kept costs a bigint when it changes.
 */
export class Purse {
  #sum: Micropoints = ZERO;
  #available: Micropoints = ZERO;
  #held: Micropoints = ZERO;

  get available(): Micropoints {
    return this.#available;
  }

  get held(): Micropoints {
    return this.#held;
  }

  get unsettled(): Micropoints {
    return subtract(this.#sum, add(this.#available, this.#held));
  }

  /** Points that a grant committed in the ledger. */
  add(granted: Micropoints): void {
    assert(granted >= 0n, "a grant is not negative");
    this.#sum = add(this.#sum, granted);
    this.#available = add(this.#available, granted);
  }

  /** Sets points aside for a request; false when there are not so many. */
  hold(amount: Micropoints): boolean {
    assert(amount >= 0n, "a hold is not negative");
    if (amount > this.#available) return false;
    this.#available = subtract(this.#available, amount);
    this.#held = add(this.#held, amount);
    return true;
  }

  /**
   * Ends a hold with what the request cost. What it left over is available again; what goes beyond it is taken
   * from what is available, and what is not there is the platform's loss.
   */
  settle(
    hold: Micropoints,
    cost: Micropoints,
  ): { readonly charged: Micropoints; readonly loss: Micropoints } {
    assert(cost >= 0n, "a cost is not negative");
    this.release(hold);
    const charged = least(cost, this.#available);
    this.#available = subtract(this.#available, charged);
    assert(this.#available >= 0n, "a purse does not go below zero");
    return { charged, loss: charged < cost ? subtract(cost, charged) : ZERO };
  }

  /** Ends a hold that cost nothing. */
  release(hold: Micropoints): void {
    assert(hold >= 0n && hold <= this.#held, "only what is held can be released");
    this.#held = subtract(this.#held, hold);
    this.#available = add(this.#available, hold);
  }

  /** The ledger has booked this much of what was charged here. */
  booked(amount: Micropoints): void {
    assert(amount >= 0n && amount <= this.unsettled, "only what was charged here can be booked");
    this.#sum = subtract(this.#sum, amount);
  }

  /** What was charged here will not be booked after all: it is available again. */
  refund(amount: Micropoints): void {
    this.booked(amount);
    this.add(amount);
  }

  /** Takes up to `amount` of what is available out, to give it back. Answers how much it was. */
  take(amount: Micropoints): Micropoints {
    const taken = micropointsOf(amount < this.#available ? amount : this.#available);
    this.#sum = subtract(this.#sum, taken);
    this.#available = subtract(this.#available, taken);
    return taken;
  }
}

/** A broken assertion is a bug that must not spend another point. */
function assert(claim: boolean, what: string): asserts claim {
  if (!claim) throw new Error(`purse: ${what}`);
}
