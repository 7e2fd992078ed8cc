import type { UsageEntry } from "../records.ts";
import type { Files } from "./files.ts";
import type { Position } from "./position.ts";
import type { Segment } from "./segment.ts";
import { walk } from "./walk.ts";

export interface SpoolBatch {
  readonly usages: readonly UsageEntry[];
  /** Records that were numbered and are not there. */
  readonly gaps: readonly SpoolGap[];
  readonly next: Position;
}

export interface SpoolGap {
  readonly expected: bigint;
  readonly found: bigint;
}

/**
 * Up to `most` records from a position on, read back from the files.
 * @param until nothing is read that stands from there on; counting does not tell, since numbers may be missing before it
 * @throws what the disk said
 */
export function readSegments(
  files: Files,
  segments: readonly Segment[],
  from: Position,
  until: Position,
  most: number,
): SpoolBatch {
  const usages: UsageEntry[] = [];
  const gaps: SpoolGap[] = [];
  let { segment: number, offset, sequence } = from;
  let left = most;
  const expect = (found: bigint) => {
    if (found > sequence) gaps.push({ expected: sequence, found });
  };
  for (const segment of segments) {
    if (segment.number < number || segment.number > until.segment || left === 0) continue;
    const length = segment.number === until.segment ? until.offset : segment.length;
    if (segment.number > number) {
      [number, offset] = [segment.number, 0];
      // What is missing at the end of a segment shows where the next one begins, be it empty.
      expect(segment.first);
      if (segment.first > sequence) sequence = segment.first;
    }
    const walked = walk(files, { ...segment, length }, { offset, sequence }, left, (frame) => {
      left -= 1;
      expect(frame.sequence);
      sequence = frame.sequence + 1n;
      if (frame.kind === "usage") usages.push(frame.decode() as UsageEntry); // its kind says so
    });
    offset = walked.unreadable === undefined ? walked.offset : length;
    if (offset < length) break;
  }
  return { usages, gaps, next: { segment: number, offset, sequence } };
}
