import { STREAM_RING_BYTES } from "../../core/limits.ts";
import type { Delta, DeltaEntry } from "./entry.ts";
import {
  decodeRecord,
  HEADER_BYTES,
  kindOf,
  payloadOf,
  type Records,
  readHeader,
  recordsIn,
  writeHeader,
} from "./records.ts";

/**
 * The deltas of one stream as bytes: about six for a token instead of some 150 as objects. Blocks are linked;
 * a record (`records.ts`) never crosses two of them; the oldest block goes first when the ring is full.
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

const FIRST_BLOCK_BYTES = 1024;
const LARGEST_BLOCK_BYTES = 32 * 1024;

/** What of one stream is kept for its readers, in at most `capacity` bytes: its latest deltas, numbered from 1 without a gap. */
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

  /** Writes the delta as the entry `lastSeq + 1`, which is the last one then. */
  append(delta: Delta): void {
    const kind = kindOf(delta);
    const payload = payloadOf(delta, kind);
    const length = Buffer.byteLength(payload);
    const block = this.#blockFor(length + HEADER_BYTES);
    block.used = writeHeader(block.bytes, block.used, kind, length);
    block.used += block.bytes.write(payload, block.used);
    this.lastSeq += 1;
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
    const { entry, end } = decodeRecord(place.block.bytes, place.offset, place.seq + 1);
    place.offset = end;
    place.seq += 1;
    return entry;
  }

  /**
   * Whole records from the place up to entry `last`, which moves on; at least one, however large, and no more than
   * `mostBytes` otherwise. Undefined when there is none.
   */
  take(place: RingPlace, last: number, mostBytes: number): Records | undefined {
    const first = place.seq + 1;
    const parts: Buffer[] = [];
    let size = 0;
    while (place.seq < last) {
      stepIntoNext(place);
      const { bytes } = place.block;
      const { end } = readHeader(bytes, place.offset);
      const length = end - place.offset;
      if (size > 0 && size + length > mostBytes) break;
      parts.push(bytes.subarray(place.offset, end));
      size += length;
      place.offset = end;
      place.seq += 1;
    }
    return size === 0 ? undefined : { first, last: place.seq, bytes: Buffer.concat(parts) };
  }

  /** Writes what was taken elsewhere; the oldest goes when there is no room. Its first must be `lastSeq + 1`. */
  restore({ first, bytes }: Records): void {
    if (first !== this.lastSeq + 1) throw new Error(`entry ${first} does not follow ${this.lastSeq}`);
    for (const { start, end } of recordsIn(bytes)) {
      while (!this.hasRoom && this.#first.next !== undefined) this.dropOldest();
      const block = this.#blockFor(end - start);
      bytes.copy(block.bytes, block.used, start, end);
      block.used += end - start;
      this.lastSeq += 1;
    }
  }

  /** The place behind everything that was written. */
  placeAtEnd(): RingPlace {
    return { block: this.#last, offset: this.#last.used, seq: this.lastSeq };
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
