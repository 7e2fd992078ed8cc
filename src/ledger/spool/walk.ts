import type { Files } from "./files.ts";
import { couldBeFrame, FRAME_HEADER_BYTES, type Frame, readFrame } from "./frame.ts";
import type { Segment } from "./segment.ts";

const READ_BYTES = 1024 * 1024;

/** Where a walk begins, and the number that comes next there if nothing is missing. */
export interface WalkFrom {
  readonly offset: number;
  readonly sequence: bigint;
}

export interface Walked {
  /** Where it stopped: the segment's end, after the most records, or where nothing more can be read. */
  readonly offset: number;
  /** Offsets of bytes that are no records and have records after them. */
  readonly damages: readonly number[];
  /** Why nothing can be read from `offset` on, though there are bytes. */
  readonly unreadable: "incomplete" | "corrupt" | undefined;
}

/**
 * Walks the records, at most `most` of them. Damage costs what it hit: what follows it is found again by its
 * numbers and checksums. Reads in pieces, so that memory stays bounded whatever the file's size.
 */
export function walk(
  files: Files,
  segment: Segment,
  from: WalkFrom,
  most: number,
  visit: (frame: Frame) => void,
): Walked {
  const damages: number[] = [];
  let { offset, sequence } = from;
  let buffer = Buffer.alloc(0);
  /** Where `offset` lies in the buffer. */
  let at = 0;
  for (let visited = 0; visited < most && offset < segment.length; ) {
    let frame = readFrame(buffer, at);
    if (frame === "incomplete") {
      buffer = readAt(files, segment, offset, READ_BYTES);
      at = 0;
      frame = readFrame(buffer, 0);
      // Longer than a piece: read again with twice as much, until the file has no more to give.
      while (frame === "incomplete" && offset + buffer.length < segment.length) {
        buffer = readAt(files, segment, offset, buffer.length * 2);
        frame = readFrame(buffer, 0);
      }
    }
    if (frame === "incomplete" || frame === "corrupt") {
      const next = findFrame(files, segment, offset + 1, sequence);
      if (next === undefined) return { offset, damages, unreadable: frame };
      damages.push(offset);
      offset = next;
      buffer = Buffer.alloc(0);
      at = 0;
      continue;
    }
    visit(frame);
    visited += 1;
    sequence = frame.sequence + 1n;
    offset += frame.end - at;
    at = frame.end;
  }
  return { offset, damages, unreadable: undefined };
}

/** True when only zeros follow: a file grew before its bytes came, as after a power failure. */
export function isBlank(files: Files, segment: Segment, offset: number): boolean {
  for (let position = offset; position < segment.length; ) {
    const piece = readAt(files, segment, position, READ_BYTES);
    if (piece.length === 0 || piece.some((byte) => byte !== 0)) return false;
    position += piece.length;
  }
  return true;
}

/** Where the next whole record stands. Its number is at least `sequence`, and not above what the file can hold. */
function findFrame(files: Files, segment: Segment, from: number, sequence: bigint): number | undefined {
  const bytes = readAt(files, segment, from, segment.length - from);
  const below = sequence + BigInt(Math.ceil(segment.length / FRAME_HEADER_BYTES));
  for (let offset = 0; offset < bytes.length; offset += 1) {
    if (!couldBeFrame(bytes, offset, sequence, below)) continue;
    if (typeof readFrame(bytes, offset) === "object") return from + offset;
  }
  return undefined;
}

function readAt(files: Files, segment: Segment, position: number, length: number): Buffer<ArrayBuffer> {
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, segment.length - position)));
  let read = 0;
  while (read < buffer.length) {
    const got = files.read(segment.descriptor, buffer.subarray(read), position + read);
    if (got === 0) break;
    read += got;
  }
  return buffer.subarray(0, read);
}
