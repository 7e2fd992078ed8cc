/** Where a continuing vendor begins: what it was given of the text that the client has, and how it was asked. */
export interface Juncture {
  /** The beginning that the vendor knows. */
  readonly given: string;
  /** What the client has beyond it: white space that was trimmed for the vendor, or half a character. */
  readonly beyond: string;
  /** The last words of `given`, if the vendor was asked to begin by repeating them. */
  readonly anchor?: string;
  /** True where a model takes the beginning for its own: it repeats nothing. */
  readonly isExact: boolean;
}

/** How far back a repetition is looked for, in UTF-16 units: some sentences. */
const WINDOW = 1_024;

/** A repetition shorter than this is taken for chance: texts do say `ha ha`. */
export const LEAST_OVERLAP = 8;

/**
 * Joins a continuing vendor's text to what the client has: what it says twice is left out. Nothing is held back but
 * the first words of a vendor that was asked by an instruction, while they could be a repetition: at most `WINDOW`.
 */
export class Seam {
  readonly #tail: string;
  #held = "";
  #isDecided: boolean;
  /** What the client has beyond the juncture and the vendor has not said again. */
  #beyond: string;

  constructor(readonly juncture: Juncture) {
    this.#tail = juncture.given.slice(-WINDOW);
    this.#isDecided = juncture.isExact || this.#tail === "";
    this.#beyond = juncture.beyond;
  }

  /** What of the text the client is to be shown now. */
  push(text: string): string {
    if (this.#isDecided) return this.#withoutBeyond(text);
    this.#held += text;
    const cut = this.#overlap(false);
    return cut === undefined ? "" : this.#decide(cut);
  }

  /** The vendor says no more: what is still held back. */
  flush(): string {
    return this.#isDecided ? "" : this.#decide(this.#overlap(true) ?? 0);
  }

  #decide(cut: number): string {
    const rest = this.#held.slice(cut);
    this.#held = "";
    this.#isDecided = true;
    return this.#withoutBeyond(rest);
  }

  /** How much of what is held repeats the text before it; undefined: more must be known. */
  #overlap(isLast: boolean): number | undefined {
    const held = this.#held;
    const { anchor } = this.juncture;
    if (anchor !== undefined && held.startsWith(anchor)) return anchor.length;
    const at = this.#tail.indexOf(held);
    const canGrow = at >= 0 && at + held.length < this.#tail.length;
    if (canGrow && !isLast) return undefined;
    for (let from = 0; this.#tail.length - from >= LEAST_OVERLAP; from += 1) {
      if (held.startsWith(this.#tail.slice(from))) return this.#tail.length - from;
    }
    return 0;
  }

  #withoutBeyond(text: string): string {
    if (this.#beyond === "" || text === "") return text;
    let same = 0;
    while (same < text.length && same < this.#beyond.length && text[same] === this.#beyond[same]) same += 1;
    this.#beyond = same === text.length ? this.#beyond.slice(same) : "";
    return text.slice(same);
  }
}
