import { type Delivered, EMPTY_PASSAGE, type Passage, type StreamReader } from "../adapter.ts";
import { byteOrderMarkLength } from "../sse/event-stream.ts";
import { createFrameSplitter } from "../sse/frame-splitter.ts";
import { FRAME_TOO_LARGE } from "./frames.ts";
import { createSaid, type SaidMemory } from "./said.ts";
import { createTally } from "./tally.ts";

/**
 * The reader of one stream of SSE frames, whatever they mean: gives whole frames to whoever knows the wire, until one of
 * them is the last or one is too large.
 */
export abstract class FrameStream implements StreamReader {
  readonly said: SaidMemory | undefined;
  protected readonly tally = createTally();
  /** Everything after the end or a failure is nobody's. */
  protected isOver = false;
  readonly #splitter = createFrameSplitter();
  #isFirstBlock = true;

  constructor(remembers: boolean) {
    this.said = remembers ? createSaid() : undefined;
  }

  get delivered(): Delivered {
    return this.tally.delivered;
  }

  get deliveredAtUsage(): Delivered | undefined {
    return this.tally.atUsage;
  }

  push(chunk: Uint8Array): Passage {
    if (this.isOver) return EMPTY_PASSAGE;
    const block = this.#splitter.push(chunk);
    const passage = block === undefined ? EMPTY_PASSAGE : this.#readFrames(block);
    if (!this.#splitter.isOverflown || this.isOver) return passage;
    this.isOver = true;
    return { ...passage, events: [...passage.events, FRAME_TOO_LARGE] };
  }

  close(): Passage {
    if (this.isOver) return EMPTY_PASSAGE;
    this.isOver = true;
    return this.readRest(Buffer.from(this.#splitter.rest()).toString("utf8"));
  }

  #readFrames(block: Uint8Array): Passage {
    const view = Buffer.isBuffer(block)
      ? block
      : Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    const start = this.#isFirstBlock ? byteOrderMarkLength(block) : 0;
    this.#isFirstBlock = false;
    return this.readBlock(view, start);
  }

  /** Reads a run of whole frames, which stand in the block from `start` on, and says in `isOver` that one was the last. */
  protected abstract readBlock(block: Buffer, start: number): Passage;

  /** The connection was closed: what is left may be a frame that is whole but for the empty line after it. */
  protected abstract readRest(rest: string): Passage;
}
