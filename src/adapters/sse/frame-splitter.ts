import { MAX_FRAME_BYTES } from "../../core/limits.ts";

const LF = 10;
const CR = 13;

/**
 * Cuts network reads into runs of whole SSE frames, on bytes: a read may end anywhere, inside a UTF-8
 * character too. A frame ends with an empty line; lines end with LF or CRLF.
 */
export interface FrameSplitter {
  /** The bytes up to the last frame end seen so far, without a copy when nothing was held back; undefined: none yet. */
  push(chunk: Uint8Array): Uint8Array | undefined;
  /** What stands there without a frame end. */
  rest(): Uint8Array;
  /** True once an unfinished frame has grown beyond the bound; it is then no longer kept. */
  readonly isOverflown: boolean;
}

export const createFrameSplitter = (maxFrameBytes = MAX_FRAME_BYTES): FrameSplitter =>
  new Splitter(maxFrameBytes);

class Splitter implements FrameSplitter {
  isOverflown = false;
  /** Pieces of a frame that has not come whole; most streams never have one. */
  #held: Uint8Array[] | undefined;
  #heldBytes = 0;
  /** The last bytes that are held. */
  #last = 0;
  #beforeLast = 0;

  constructor(readonly maxFrameBytes: number) {}

  push(chunk: Uint8Array): Uint8Array | undefined {
    if (this.isOverflown) return undefined;
    const end = this.#lastFrameEnd(chunk);
    if (end < 0) {
      this.#hold(chunk);
      return undefined;
    }
    // Most reads end where a frame does: nothing is cut then.
    const isWhole = end === chunk.length;
    const whole = isWhole ? chunk : chunk.subarray(0, end);
    const block = this.#held === undefined ? whole : Buffer.concat([...this.#release(), whole]);
    if (!isWhole) this.#hold(chunk.subarray(end));
    return block;
  }

  rest(): Uint8Array {
    return this.#held === undefined ? NOTHING : Buffer.concat(this.#held);
  }

  #hold(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#beforeLast = piece.length > 1 ? (piece[piece.length - 2] ?? 0) : this.#last;
    this.#last = piece[piece.length - 1] ?? 0;
    this.#heldBytes += piece.length;
    if (this.#heldBytes > this.maxFrameBytes) {
      this.isOverflown = true;
      this.#held = undefined;
      return;
    }
    this.#held ??= [];
    // A copy, so that a small rest does not keep a whole network buffer alive (a Buffer's own slice shares it).
    this.#held.push(new Uint8Array(piece));
  }

  /** Index just after the last empty line that ends within `chunk`, or −1. Looks back into what is held. */
  #lastFrameEnd(chunk: Uint8Array): number {
    for (let at = chunk.lastIndexOf(LF); at >= 0; at = at > 0 ? chunk.lastIndexOf(LF, at - 1) : -1) {
      const previous = at > 0 ? chunk[at - 1] : this.#last;
      if (previous === LF) return at + 1;
      if (previous !== CR) continue;
      const earlier = at > 1 ? chunk[at - 2] : at === 1 ? this.#last : this.#beforeLast;
      if (earlier === LF) return at + 1;
    }
    return -1;
  }

  #release(): readonly Uint8Array[] {
    const pieces = this.#held ?? [];
    this.#held = undefined;
    this.#heldBytes = 0;
    this.#last = 0;
    this.#beforeLast = 0;
    return pieces;
  }
}

const NOTHING = new Uint8Array();
