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

export function createFrameSplitter(maxFrameBytes = MAX_FRAME_BYTES): FrameSplitter {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let last = 0;
  let beforeLast = 0;
  let isOverflown = false;

  function hold(piece: Uint8Array): void {
    if (piece.length === 0) return;
    beforeLast = piece.length > 1 ? (piece[piece.length - 2] ?? 0) : last;
    last = piece[piece.length - 1] ?? 0;
    heldBytes += piece.length;
    if (heldBytes > maxFrameBytes) {
      isOverflown = true;
      held = [];
      return;
    }
    // A copy, so that a small rest does not keep a whole network buffer alive (a Buffer's own slice shares it).
    held.push(new Uint8Array(piece));
  }

  /** Index just after the last empty line that ends within `chunk`, or −1. Looks back into what is held. */
  function lastFrameEnd(chunk: Uint8Array): number {
    for (let at = chunk.lastIndexOf(LF); at >= 0; at = at > 0 ? chunk.lastIndexOf(LF, at - 1) : -1) {
      const previous = at > 0 ? chunk[at - 1] : last;
      if (previous === LF) return at + 1;
      if (previous !== CR) continue;
      const earlier = at > 1 ? chunk[at - 2] : at === 1 ? last : beforeLast;
      if (earlier === LF) return at + 1;
    }
    return -1;
  }

  function release(): Uint8Array[] {
    const pieces = held;
    held = [];
    heldBytes = 0;
    last = 0;
    beforeLast = 0;
    return pieces;
  }

  return {
    push(chunk) {
      if (isOverflown) return undefined;
      const end = lastFrameEnd(chunk);
      if (end < 0) {
        hold(chunk);
        return undefined;
      }
      // Most reads end where a frame does: nothing is cut then.
      const isWhole = end === chunk.length;
      const whole = isWhole ? chunk : chunk.subarray(0, end);
      const block = heldBytes === 0 ? whole : Buffer.concat([...release(), whole]);
      if (!isWhole) hold(chunk.subarray(end));
      return block;
    },
    rest: () => Buffer.concat(held),
    get isOverflown() {
      return isOverflown;
    },
  };
}
