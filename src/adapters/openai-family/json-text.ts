/** A text in the making, kept as the JSON text that its pieces came in: put one after the other, they are JSON text again. */
export interface JsonText {
  /** A piece as it stands in UTF-8, without its quotes. False: it would be too long, and all of it is let go. */
  keep(view: Buffer, start: number, end: number): boolean;
  /** A piece that was parsed. */
  add(text: string): boolean;
  clear(): void;
  readonly isEmpty: boolean;
  text(): string;
}

/** The longest text that is kept: a quarter of a million tokens, beyond which few could read it back. */
const MOST_BYTES = 1024 * 1024;

/** A short answer. Grows by doubling. */
const FIRST_BYTES = 512;

export const createJsonText = (): JsonText => new Pieces();

const NOTHING = new Uint8Array();

class Pieces implements JsonText {
  #bytes: Uint8Array = NOTHING;
  #length = 0;

  keep(view: Buffer, start: number, end: number): boolean {
    const needed = this.#length + end - start;
    if (needed > MOST_BYTES) {
      this.clear();
      return false;
    }
    if (needed > this.#bytes.length) this.#grow(needed);
    view.copy(this.#bytes, this.#length, start, end);
    this.#length = needed;
    return true;
  }

  add(text: string): boolean {
    const json = Buffer.from(JSON.stringify(text).slice(1, -1));
    return this.keep(json, 0, json.length);
  }

  clear(): void {
    this.#bytes = NOTHING;
    this.#length = 0;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  text(): string {
    const json = Buffer.from(this.#bytes.subarray(0, this.#length)).toString("utf8");
    const text: unknown = JSON.parse(`"${json}"`);
    return String(text);
  }

  #grow(needed: number): void {
    const size = Math.min(MOST_BYTES, Math.max(FIRST_BYTES, needed, this.#bytes.length * 2));
    const grown = new Uint8Array(size);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
