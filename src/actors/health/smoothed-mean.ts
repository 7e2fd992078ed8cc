/** Weight of one new sample. */
const WEIGHT = 0.1;

/** A mean in which old samples fade (EWMA by count). */
export class SmoothedMean {
  #value: number | undefined;

  get value(): number | undefined {
    return this.#value;
  }

  /** `count` samples whose mean is `sample`. */
  add(sample: number, count = 1): void {
    const weight = 1 - (1 - WEIGHT) ** count;
    this.#value = this.#value === undefined ? sample : this.#value + (sample - this.#value) * weight;
  }
}
