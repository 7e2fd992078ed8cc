import { STREAM_RING_BYTES } from "../../core/limits.ts";
import type { Delta, DeltaEntry } from "./entry.ts";

/**
 * The deltas of one stream as bytes: about six for a token instead of some 150 as objects. Blocks are linked;
 * a record never crosses two of them; the oldest block goes first when the ring is full.
 *
 * Record: kind (1 byte), length (LEB128), payload. Plain text is its own payload, everything else is JSON.
 */
interface Block {
  /** Of its first record. */
  readonly firstSeq: number;
  /** Bytes of all records before this block since the stream began. */
  readonly start: number;
  bytes: Buffer;
  used: number;
  next: Block | undefined;
}

/** A place in the ring: before the entry `seq + 1`. */
export interface RingPlace {
  block: Block;
  offset: number;
  seq: number;
}

const TEXT = 1;
const REASONING = 2;
const JSON_DELTA = 3;

const FIRST_BLOCK_BYTES = 1024;
const LARGEST_BLOCK_BYTES = 32 * 1024;
/** Kind and a length of up to 28 bits. */
const HEADER_BYTES = 5;

export class Ring {
  lastSeq = 0;
  /** Memory of all blocks. */
  size = 0;
  #first: Block;
  #last: Block;

  constructor(readonly capacity = STREAM_RING_BYTES) {
    this.#first = this.#block(FIRST_BLOCK_BYTES, 0);
    this.#last = this.#first;
  }

  /** The oldest entry that can still be read; `lastSeq + 1` when there is none. */
  get firstSeq(): number {
    return this.#first.firstSeq;
  }

  /** Bytes of all records since the stream began. */
  get end(): number {
    return this.#last.start + this.#last.used;
  }

  /** True when another record of any size can be taken in. */
  get hasRoom(): boolean {
    return this.size + LARGEST_BLOCK_BYTES <= this.capacity;
  }

  /** Writes the delta as the entry `lastSeq + 1`. */
  append(delta: Delta): DeltaEntry {
    const [kind, payload] = encode(delta);
    const length = Buffer.byteLength(payload);
    const block = this.#blockFor(length + HEADER_BYTES);
    block.used = writeHeader(block.bytes, block.used, kind, length);
    block.used += block.bytes.write(payload, block.used);
    this.lastSeq += 1;
    return { type: "delta", seq: this.lastSeq, ...delta };
  }

  /** The place after entry `seq`, or undefined when the entry after it is not kept (or not written). */
  placeAfter(seq: number): RingPlace | undefined {
    if (seq < this.firstSeq - 1 || seq > this.lastSeq) return undefined;
    let block = this.#first;
    while (block.next !== undefined && block.next.firstSeq <= seq + 1) block = block.next;
    const place = { block, offset: 0, seq: block.firstSeq - 1 };
    while (place.seq < seq) skip(place);
    return place;
  }

  /** Reads the entry at the place and moves it on; undefined at the end. */
  read(place: RingPlace): DeltaEntry | undefined {
    if (place.seq === this.lastSeq) return undefined;
    stepIntoNext(place);
    const { bytes } = place.block;
    const { kind, start, end } = readHeader(bytes, place.offset);
    place.offset = end;
    place.seq += 1;
    return { type: "delta", seq: place.seq, ...decode(kind, bytes.toString("utf8", start, end)) };
  }

  /** Moves a place to the end of what was written. */
  moveToEnd(place: RingPlace): void {
    place.block = this.#last;
    place.offset = this.#last.used;
    place.seq = this.lastSeq;
  }

  /** True when the oldest block holds what comes after the place, or the entry last read there. */
  holdsOldest(place: RingPlace): boolean {
    return place.block === this.#first;
  }

  dropOldest(): void {
    const { next } = this.#first;
    if (next === undefined) return;
    this.size -= this.#first.bytes.length;
    this.#first = next;
  }

  /** Gives back what the last block has left over: nothing more will be written. */
  trim(): void {
    const block = this.#last;
    const exact = Buffer.allocUnsafeSlow(block.used);
    block.bytes.copy(exact, 0, 0, block.used);
    this.size += exact.length - block.bytes.length;
    block.bytes = exact;
  }

  #blockFor(bytes: number): Block {
    if (this.#last.used + bytes <= this.#last.bytes.length) return this.#last;
    // Grows by half of what there is, so that a short answer leaves little of its last block unused.
    const grown = Math.min(Math.max(this.size / 2, FIRST_BLOCK_BYTES), LARGEST_BLOCK_BYTES);
    const block = this.#block(Math.max(Math.ceil(grown), bytes), this.end);
    this.#last.next = block;
    this.#last = block;
    return block;
  }

  #block(bytes: number, start: number): Block {
    this.size += bytes;
    return {
      firstSeq: this.lastSeq + 1,
      start,
      bytes: Buffer.allocUnsafeSlow(bytes),
      used: 0,
      next: undefined,
    };
  }
}

/** Where a place stands, in the bytes that `Ring.end` counts. */
export const positionOf = (place: RingPlace): number => place.block.start + place.offset;

function encode(delta: Delta): [kind: number, payload: string] {
  const { choice, opens, text, reasoning, refusal, toolCalls } = delta;
  const isPlain = choice === 0 && !opens && refusal === undefined && toolCalls === undefined;
  if (isPlain && reasoning === undefined && text !== undefined) return [TEXT, text];
  if (isPlain && text === undefined && reasoning !== undefined) return [REASONING, reasoning];
  return [JSON_DELTA, JSON.stringify(delta)];
}

function decode(kind: number, payload: string): Delta {
  if (kind === TEXT) return { choice: 0, opens: false, text: payload };
  if (kind === REASONING) return { choice: 0, opens: false, reasoning: payload };
  return JSON.parse(payload) as Delta; // written by `encode` above
}

function writeHeader(bytes: Buffer, offset: number, kind: number, length: number): number {
  bytes[offset] = kind;
  let at = offset + 1;
  let rest = length;
  while (rest > 0x7f) {
    bytes[at] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    at += 1;
  }
  bytes[at] = rest;
  return at + 1;
}

function readHeader(bytes: Buffer, offset: number): { kind: number; start: number; end: number } {
  let length = 0;
  let at = offset + 1;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at] ?? 0;
    length |= (byte & 0x7f) << shift;
    at += 1;
    if (byte < 0x80) break;
  }
  return { kind: bytes[offset] ?? 0, start: at, end: at + length };
}

function stepIntoNext(place: RingPlace): void {
  if (place.offset < place.block.used || place.block.next === undefined) return;
  place.block = place.block.next;
  place.offset = 0;
}

function skip(place: RingPlace): void {
  stepIntoNext(place);
  place.offset = readHeader(place.block.bytes, place.offset).end;
  place.seq += 1;
}
