import { type AnswerHead, malformed, readHead } from "./answer-head.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { MAX_HEAD_BYTES, MAX_INTERIM } from "./limits.ts";
import { UpstreamError } from "./upstream-error.ts";

/** Who is told what an answer consists of. */
export interface AnswerSink {
  head(head: AnswerHead): void;
  /** A view into the bytes that were pushed. */
  body(bytes: Uint8Array): void;
}

type State = "head" | "length" | "chunks" | "untilClose" | "over";

/** Reads answers off one connection, one after another, from bytes that are split anywhere. */
export class AnswerParser {
  #state: State = "over";
  #sink: AnswerSink | undefined;
  /** The beginning of a head that has not come whole, in a buffer that is larger. */
  #begun: Buffer | undefined;
  #begunLength = 0;
  #interim = 0;
  /** Bytes of the body still to come. */
  #left = 0;
  readonly #chunks = new ChunkReader();

  /** True from `begin` until the answer's last byte. */
  get isReading(): boolean {
    return this.#state !== "over";
  }

  /** The next bytes are an answer for `sink`. */
  begin(sink: AnswerSink): void {
    this.#sink = sink;
    this.#state = "head";
    this.#interim = 0;
  }

  /**
   * Takes what came in; answers how much of it belonged to the answer. The bytes are the parser's from now on: a
   * chunked body is moved together in them. Throws UpstreamError when they are not an answer; nothing more can be read then.
   */
  push(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length) {
      switch (this.#state) {
        case "head":
          at = this.#readHead(bytes, at);
          break;
        case "length": {
          const end = Math.min(bytes.length, at + this.#left);
          this.#left -= end - at;
          if (this.#left === 0) this.#state = "over";
          this.#give(bytes, at, end);
          at = end;
          break;
        }
        case "chunks":
          at = this.#readChunks(bytes, at);
          break;
        case "untilClose":
          this.#give(bytes, at, bytes.length);
          return bytes.length;
        case "over":
          return at;
      }
    }
    return at;
  }

  /** The server has closed in good order. Answers whether that ends the answer. */
  close(): boolean {
    const isEnd = this.#state === "untilClose";
    if (isEnd) this.#state = "over";
    return isEnd;
  }

  #give(bytes: Buffer, from: number, to: number): void {
    if (to <= from) return;
    this.#sink?.body(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }

  /** What came before a mistake is given all the same: it does not depend on how the bytes were split. */
  #readChunks(bytes: Buffer, at: number): number {
    const chunks = this.#chunks;
    try {
      return chunks.read(bytes, at);
    } finally {
      if (chunks.isOver) this.#state = "over";
      this.#give(bytes, chunks.from, chunks.to);
    }
  }

  /** Answers where in `bytes` to go on. */
  #readHead(bytes: Buffer, at: number): number {
    const before = this.#begunLength;
    const whole = before === 0 ? (at === 0 ? bytes : bytes.subarray(at)) : this.#append(bytes, at);
    // An empty line may lie across the seam: its first LF is among the last two bytes that came before.
    const text = headIn(whole, Math.max(0, before - 2));
    if (text === undefined) {
      if (whole.length > MAX_HEAD_BYTES) throw tooLarge();
      if (before === 0) this.#append(bytes, at);
      return bytes.length;
    }
    if (text.length > MAX_HEAD_BYTES) throw tooLarge();
    const body = text.length + (whole[text.length] === CR ? 2 : 1);
    this.#begun = undefined;
    this.#begunLength = 0;
    this.#take(readHead(text));
    return at + body - before;
  }

  #take(head: AnswerHead): void {
    if (head.status < 200) {
      this.#interim += 1;
      if (head.status === 101) throw malformed("it changes the protocol");
      if (this.#interim > MAX_INTERIM) throw new UpstreamError("oversized_head", "Too many interim answers.");
      return;
    }
    const { framing } = head;
    switch (framing.by) {
      case "none":
        this.#state = "over";
        break;
      case "length":
        this.#state = "length";
        this.#left = framing.length;
        break;
      case "chunks":
        this.#state = "chunks";
        this.#chunks.begin();
        break;
      case "close":
        this.#state = "untilClose";
        break;
    }
    this.#sink?.head(head);
  }

  /** Keeps the bytes from `at` on, behind those that were kept; answers all that is kept. */
  #append(bytes: Buffer, at: number): Buffer {
    const length = this.#begunLength + bytes.length - at;
    let begun = this.#begun;
    if (begun === undefined || begun.length < length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(1_024, 2 * length));
      begun?.copy(larger, 0, 0, this.#begunLength);
      this.#begun = begun = larger;
    }
    bytes.copy(begun, this.#begunLength, at);
    this.#begunLength = length;
    return begun.subarray(0, length);
  }
}

const CR = 0x0d;

/**
 * The head with which the bytes begin, without its empty line; undefined when it is not whole. The empty line is looked
 * for from `from` on. Lines may end with LF alone, so the first of two kinds counts.
 */
function headIn(bytes: Buffer, from: number): string | undefined {
  const usual = bytes.indexOf("\n\r\n", from, "latin1");
  if (usual < 0) {
    const bare = bytes.indexOf("\n\n", from, "latin1");
    return bare < 0 ? undefined : bytes.toString("latin1", 0, bare + 1);
  }
  const text = bytes.toString("latin1", 0, usual + 1);
  const bare = text.indexOf("\n\n");
  return bare < 0 ? text : text.slice(0, bare + 1);
}

const tooLarge = (): UpstreamError =>
  new UpstreamError("oversized_head", `The head of the answer exceeds ${MAX_HEAD_BYTES} bytes.`);
