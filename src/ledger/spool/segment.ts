import { join } from "node:path";
import type { Files } from "./files.ts";
import { type Frame, readFrame } from "./frame.ts";

/** One file of the spool; only the newest is written to. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly descriptor: number;
  /** Bytes that hold whole records. */
  length: number;
  /** Admitted requests whose INTENT stands here and whose USAGE was not written yet. */
  openIntents: number;
}

const NAME = /^(\d{10})\.spool$/;
const READ_BYTES = 1024 * 1024;

export function segmentPath(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(10, "0")}.spool`);
}

export function listSegments(files: Files, directory: string): number[] {
  return files
    .list(directory)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

export function openSegment(files: Files, directory: string, number: number): Segment {
  const path = segmentPath(directory, number);
  const descriptor = files.open(path);
  return { number, path, descriptor, length: files.size(descriptor), openIntents: 0 };
}

/** What stopped a walk through a segment before its end. */
export interface Damage {
  readonly offset: number;
  readonly kind: "incomplete" | "corrupt";
}

/**
 * Walks the records from `offset` on, at most `most` of them, and answers where it stopped. Reads in pieces, so
 * that memory stays bounded whatever the file's size.
 */
export function walk(
  files: Files,
  segment: Segment,
  offset: number,
  most: number,
  visit: (frame: Frame, offset: number) => void,
): { readonly offset: number; readonly damage: Damage | undefined } {
  let position = offset;
  let buffer = Buffer.alloc(0);
  for (let visited = 0; visited < most && position < segment.length; ) {
    let frame = readFrame(buffer, 0);
    if (frame === "incomplete") {
      buffer = readAt(files, segment, position, Math.max(READ_BYTES, buffer.length * 2));
      frame = readFrame(buffer, 0);
      // Longer than a piece: read again with twice as much, until the file has no more to give.
      while (frame === "incomplete" && position + buffer.length < segment.length) {
        buffer = readAt(files, segment, position, buffer.length * 2);
        frame = readFrame(buffer, 0);
      }
    }
    if (frame === "incomplete" || frame === "corrupt") {
      return { offset: position, damage: { offset: position, kind: frame } };
    }
    visit(frame, position);
    visited += 1;
    position += frame.end;
    buffer = buffer.subarray(frame.end);
  }
  return { offset: position, damage: undefined };
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

function readAt(files: Files, segment: Segment, position: number, length: number): Buffer<ArrayBuffer> {
  const buffer = Buffer.alloc(Math.min(length, segment.length - position));
  let read = 0;
  while (read < buffer.length) {
    const got = files.read(segment.descriptor, buffer.subarray(read), position + read);
    if (got === 0) break;
    read += got;
  }
  return buffer.subarray(0, read);
}
