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
  /** The beginning of a head that has not come whole, one byte a character. */
  #begun = "";
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
    this.#sink?.body(from === 0 && to === bytes.length ? bytes : part(bytes, from, to));
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
    const begun = this.#begun;
    const head = begun === "" ? headIn(bytes, at) : headGoingOn(begun, bytes, at);
    if (head === undefined) {
      this.#begun = begun + latin1(bytes, at, bytes.length);
      if (this.#begun.length > MAX_HEAD_BYTES) throw tooLarge();
      return bytes.length;
    }
    if (head.length > MAX_HEAD_BYTES) throw tooLarge();
    this.#begun = "";
    this.#take(readHead(head));
    const emptyLine = at + head.length - begun.length;
    return emptyLine + (bytes[emptyLine] === LF ? 1 : 2);
  }

  #take(head: AnswerHead): void {
    if (head.status < 200) {
      this.#interim += 1;
      if (head.status === 101) throw malformed("it changes the protocol");
      if (this.#interim > MAX_INTERIM) throw new UpstreamError("oversized_head", "Too many interim answers.");
      return;
    }
    switch (head.framing) {
      case "none":
        this.#state = "over";
        break;
      case "length":
        this.#state = "length";
        this.#left = head.length;
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
}

/**
 * Bytes up to which a part is copied: a view takes what it looks at out of the heap, into memory of its own that each
 * collection looks after, and costs three times as much as so short a copy.
 */
const MOST_COPIED_BYTES = 1_000;

function part(bytes: Buffer, from: number, to: number): Buffer {
  if (to - from > MOST_COPIED_BYTES) return bytes.subarray(from, to);
  const copy = Buffer.alloc(to - from);
  bytes.copy(copy, 0, from, to);
  return copy;
}

const LF = 0x0a;
/** What ends a head, the last field's LF included. As bytes: a text that is looked for is made into these each time. */
const USUAL_END = Buffer.from("\n\r\n");
const BARE_END = Buffer.from("\n\n");

/** No more than tells a head from one that is too large. */
const latin1 = (bytes: Buffer, from: number, to: number): string =>
  bytes.toString("latin1", from, Math.min(to, bytes.length, from + MAX_HEAD_BYTES + 2));

/**
 * The head that begins at `at`, with its last line's end and without the empty line; undefined when it is not whole.
 * Lines may end with LF alone, so the first of two kinds of empty lines counts.
 */
function headIn(bytes: Buffer, at: number): string | undefined {
  const end = bytes.indexOf(USUAL_END, at);
  if (end >= 0) {
    const text = latin1(bytes, at, end + 1);
    const bare = text.indexOf("\n\n");
    return bare < 0 ? text : text.slice(0, bare + 1);
  }
  return bytes.includes(BARE_END, at) ? headOf(latin1(bytes, at, bytes.length), 0) : undefined;
}

/** The same where `begun` came before. Often only the empty line was missing. */
function headGoingOn(begun: string, bytes: Buffer, at: number): string | undefined {
  const near = headOf(begun + latin1(bytes, at, at + 2), begun.length);
  if (near !== undefined) return near;
  const end = bytes.indexOf(USUAL_END, at);
  return headOf(begun + latin1(bytes, at, end < 0 ? bytes.length : end + 3), begun.length);
}

/** The head with which a text begins, of which the first `seen` characters hold no whole one. */
function headOf(text: string, seen: number): string | undefined {
  const from = Math.max(0, seen - 2);
  const usual = text.indexOf("\n\r\n", from);
  const bare = text.indexOf("\n\n", from);
  const end = bare >= 0 && (usual < 0 || bare < usual) ? bare : usual;
  return end < 0 ? undefined : text.slice(0, end + 1);
}

const tooLarge = (): UpstreamError =>
  new UpstreamError("oversized_head", `The head of the answer exceeds ${MAX_HEAD_BYTES} bytes.`);
