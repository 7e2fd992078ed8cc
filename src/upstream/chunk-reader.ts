import { malformed } from "./answer-head.ts";
import { MAX_CHUNK_LINE_BYTES, MAX_TRAILER_BYTES } from "./limits.ts";
import { UpstreamError } from "./upstream-error.ts";

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
/** Digits of a size: 2^52 bytes, more than any body and less than a number loses count of. */
const MAX_DIGITS = 13;

type State = "size" | "extension" | "sizeEnd" | "data" | "dataEnd" | "dataEndLf" | "trailer" | "over";

/** Reads a chunked body (RFC 9112, 7.1). Extensions and trailers are passed over. */
export class ChunkReader {
  #state: State = "over";
  #size = 0;
  #digits = 0;
  /** Bytes of the present chunk still to come. */
  #left = 0;
  /** Bytes of the present line, or of all trailers. */
  #lineBytes = 0;
  /** The present line is empty so far: a trailer's but for its CR, a size's but for white space. */
  #isLineEmpty = true;
  #isAfterCr = false;
  /** What the last read found of the body: a range of its bytes. */
  from = 0;
  to = 0;

  get isOver(): boolean {
    return this.#state === "over";
  }

  begin(): void {
    this.#beginSize();
  }

  /**
   * Reads on at `at`; answers where it stopped: behind the body's end, or at the end of the bytes. What lies between
   * the pieces of the body is closed up in place, so that they are one range.
   */
  read(bytes: Buffer, at: number): number {
    this.from = at;
    this.to = at;
    let next = at;
    while (next < bytes.length && this.#state !== "over") {
      next = this.#state === "data" ? this.#data(bytes, next) : this.#frame(bytes[next] ?? 0, next);
    }
    return next;
  }

  #data(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    if (this.to === this.from) {
      this.from = at;
      this.to = end;
    } else {
      bytes.copyWithin(this.to, at, end);
      this.to += end - at;
    }
    this.#left -= end - at;
    if (this.#left === 0) this.#state = "dataEnd";
    return end;
  }

  /** One byte of what is around the data. */
  #frame(byte: number, at: number): number {
    switch (this.#state) {
      case "size":
        this.#sizeByte(byte);
        break;
      case "extension":
        this.#extensionByte(byte);
        break;
      case "sizeEnd":
        if (byte !== LF) throw malformed("the line of a chunk does not end");
        this.#left = this.#size;
        if (this.#size > 0) this.#state = "data";
        else this.#beginTrailers();
        break;
      case "dataEnd":
        if (byte !== CR) throw malformed("a chunk is longer than it says");
        this.#state = "dataEndLf";
        break;
      case "dataEndLf":
        if (byte !== LF) throw malformed("a chunk is longer than it says");
        this.#beginSize();
        break;
      case "trailer":
        this.#trailerByte(byte);
        break;
      case "data":
      case "over":
        break;
    }
    return at + 1;
  }

  #sizeByte(byte: number): void {
    const digit = digitOf(byte);
    if (digit >= 0) {
      this.#digits += 1;
      if (this.#digits > MAX_DIGITS) throw malformed("a chunk has no sensible size");
      this.#size = this.#size * 16 + digit;
      return;
    }
    if (this.#digits === 0) throw malformed("a chunk has no size");
    if (byte === CR) this.#state = "sizeEnd";
    else if (byte === SEMICOLON || isBlank(byte)) this.#state = "extension";
    else throw malformed("a chunk has no size");
    this.#lineBytes = 0;
    this.#isLineEmpty = byte !== SEMICOLON;
  }

  /** White space behind a size, then nothing or extensions. */
  #extensionByte(byte: number): void {
    if (byte === CR) {
      this.#state = "sizeEnd";
      return;
    }
    if (byte === LF) throw malformed("the line of a chunk does not end");
    if (this.#isLineEmpty && byte === SEMICOLON) this.#isLineEmpty = false;
    else if (this.#isLineEmpty && !isBlank(byte)) throw malformed("a chunk has no size");
    this.#lineBytes += 1;
    if (this.#lineBytes > MAX_CHUNK_LINE_BYTES) throw tooLarge("A chunk's extensions are too long.");
  }

  #trailerByte(byte: number): void {
    this.#lineBytes += 1;
    if (this.#lineBytes > MAX_TRAILER_BYTES) throw tooLarge("The answer's trailers are too long.");
    if (byte === LF) {
      if (this.#isLineEmpty) this.#state = "over";
      this.#isLineEmpty = true;
      this.#isAfterCr = false;
      return;
    }
    if (this.#isAfterCr) throw malformed("a trailer holds a bare CR");
    if (byte === CR) this.#isAfterCr = true;
    else this.#isLineEmpty = false;
  }

  #beginSize(): void {
    this.#state = "size";
    this.#size = 0;
    this.#digits = 0;
  }

  #beginTrailers(): void {
    this.#state = "trailer";
    this.#lineBytes = 0;
    this.#isLineEmpty = true;
    this.#isAfterCr = false;
  }
}

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09;

/** The value of a hexadecimal digit; -1 for anything else. */
function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const tooLarge = (message: string): UpstreamError => new UpstreamError("oversized_head", message);
