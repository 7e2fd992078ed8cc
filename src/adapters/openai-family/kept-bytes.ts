/** What of a block goes on to the client. As long as that is one run, it is handed on without a copy. */
export class KeptBytes {
  /** What stands before the run; absent while there is nothing else. */
  #pieces: Uint8Array[] | undefined;
  #runStart = 0;
  #runEnd = 0;

  constructor(readonly block: Uint8Array) {}

  /** Keeps the block's bytes from `start` to `end`; ranges come in order. */
  keep(start: number, end: number): void {
    if (start !== this.#runEnd) {
      this.#closeRun();
      this.#runStart = start;
    }
    this.#runEnd = end;
  }

  /** Puts other bytes here instead. */
  add(bytes: Uint8Array): void {
    this.#closeRun();
    this.#pieces ??= [];
    this.#pieces.push(bytes);
  }

  /** Undefined when nothing was kept. */
  bytes(): Uint8Array | undefined {
    if (this.#pieces === undefined) return this.#runEnd > this.#runStart ? this.#run() : undefined;
    this.#closeRun();
    const [only] = this.#pieces;
    return this.#pieces.length <= 1 ? only : Buffer.concat(this.#pieces);
  }

  #closeRun(): void {
    if (this.#runEnd > this.#runStart) {
      this.#pieces ??= [];
      this.#pieces.push(this.#run());
    }
    this.#runStart = this.#runEnd;
  }

  #run(): Uint8Array {
    const isWhole = this.#runStart === 0 && this.#runEnd === this.block.length;
    return isWhole ? this.block : this.block.subarray(this.#runStart, this.#runEnd);
  }
}
