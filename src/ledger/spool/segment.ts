import { join } from "node:path";
import type { Files } from "./files.ts";

/** One file of the spool; only the newest is written to. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly descriptor: number;
  /** The number of its first record, or of the one that comes first when there is none yet. */
  first: bigint;
  /** Bytes that hold whole records. */
  length: number;
  /** Admitted requests whose INTENT stands here and whose USAGE was not written yet. */
  openIntents: number;
  /** Not to be deleted before the records up to this number are synced: copies of what stood here are among them. */
  keptUntil: bigint;
}

const NAME = /^(\d{10})\.spool$/;

/** Numbers are padded, so that names sort as they do. */
export function segmentPath(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(10, "0")}.spool`);
}

/** The numbers of the segments in a directory, oldest first. */
export function listSegments(files: Files, directory: string): number[] {
  return files
    .list(directory)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** Opens a segment to be written to, and makes its file if there is none. What stands in it is taken for whole records. */
export function openSegment(files: Files, directory: string, number: number, first: bigint): Segment {
  const path = segmentPath(directory, number);
  const descriptor = files.open(path);
  return {
    number,
    path,
    descriptor,
    first,
    length: files.size(descriptor),
    openIntents: 0,
    keptUntil: 0n,
  };
}
