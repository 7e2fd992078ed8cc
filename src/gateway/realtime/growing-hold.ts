import { add, least, type Micropoints, micropointsOf, ZERO } from "../../core/points.ts";
import type { Hold } from "../charge.ts";

/** A hold that is made longer as what it is for goes on: nobody can say at its beginning what a conversation will cost. */
export class GrowingHold implements Hold {
  readonly #parts: Hold[];
  /** Their sum: it is asked for with every frame. */
  #amount: Micropoints;
  /** What each part was charged, for a refund. */
  #charged: Micropoints[] = [];
  #isOver = false;

  /** @param more throws or rejects with `insufficient_points` or `budget_exceeded` */
  constructor(
    first: Hold,
    readonly more: (amount: Micropoints) => Hold | Promise<Hold>,
  ) {
    this.#parts = [first];
    this.#amount = first.amount;
  }

  get amount(): Micropoints {
    return this.#amount;
  }

  /** Rejects when the balance has no more; what is held stays held. */
  async grow(amount: Micropoints): Promise<void> {
    const part = await this.more(amount);
    if (this.#isOver) {
      part.release();
      return;
    }
    this.#parts.push(part);
    this.#amount = add(this.#amount, part.amount);
  }

  settle(cost: Micropoints): { readonly charged: Micropoints; readonly loss: Micropoints } {
    this.#isOver = true;
    let left = cost;
    let charged = ZERO;
    let loss = ZERO;
    this.#parts.forEach((part, at) => {
      // The last one takes what is beyond all of them out of what is available.
      const share = at === this.#parts.length - 1 ? left : least(left, part.amount);
      const taken = part.settle(share);
      this.#charged.push(taken.charged);
      left = micropointsOf(left - share);
      charged = add(charged, taken.charged);
      loss = add(loss, taken.loss);
    });
    return { charged, loss };
  }

  release(): void {
    this.#isOver = true;
    for (const part of this.#parts) part.release();
  }

  refund(): void {
    this.#parts.forEach((part, at) => {
      const charged = this.#charged[at] ?? ZERO;
      if (charged > ZERO) part.refund(charged);
    });
    this.#charged = [];
  }
}
