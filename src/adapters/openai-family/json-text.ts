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

export function createJsonText(): JsonText {
  let bytes = new Uint8Array(0);
  let length = 0;

  function clear(): void {
    bytes = new Uint8Array(0);
    length = 0;
  }

  function keep(view: Buffer, start: number, end: number): boolean {
    const needed = length + end - start;
    if (needed > MOST_BYTES) {
      clear();
      return false;
    }
    if (needed > bytes.length) {
      const grown = new Uint8Array(Math.min(MOST_BYTES, Math.max(FIRST_BYTES, needed, bytes.length * 2)));
      grown.set(bytes.subarray(0, length));
      bytes = grown;
    }
    view.copy(bytes, length, start, end);
    length = needed;
    return true;
  }

  return {
    keep,
    add(text) {
      const json = Buffer.from(JSON.stringify(text).slice(1, -1));
      return keep(json, 0, json.length);
    },
    clear,
    get isEmpty() {
      return length === 0;
    },
    text() {
      const text: unknown = JSON.parse(`"${Buffer.from(bytes.subarray(0, length)).toString("utf8")}"`);
      return String(text);
    },
  };
}
