/** Tokens drawn ahead of need: used in the order in which they were drawn, and not for long. */
export class Slices {
  /** The oldest first. Each was drawn when little of the ones before was left. */
  readonly #slices: Slice[] = [];

  /** `until` is monotonic; what is left then is lost. */
  add(count: number, until: number): void {
    if (count > 0) this.#slices.push(new Slice(count, until));
  }

  /** One token, from the slice it is to be put back to; undefined when there is none. */
  take(now: number): Slice | undefined {
    for (;;) {
      const [first] = this.#slices;
      if (first === undefined) return undefined;
      if (first.count > 0 && now < first.until) {
        first.count -= 1;
        return first;
      }
      this.#slices.shift();
    }
  }

  left(now: number): number {
    let sum = 0;
    for (const { count, until } of this.#slices) if (now < until) sum += count;
    return sum;
  }
}

export class Slice {
  constructor(
    public count: number,
    readonly until: number,
  ) {}

  putBack(): void {
    this.count += 1;
  }
}
