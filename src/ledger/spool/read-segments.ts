import type { UsageRecord } from "../records.ts";
import type { Files } from "./files.ts";
import type { Position } from "./position.ts";
import { type Segment, walk } from "./segment.ts";

export interface SpoolBatch {
  readonly usages: readonly UsageRecord[];
  /** Records that were numbered and are not there. */
  readonly gaps: readonly SpoolGap[];
  readonly next: Position;
}

export interface SpoolGap {
  readonly expected: bigint;
  readonly found: bigint;
}

/** Up to `most` records from a position on, read back from the files. */
export function readSegments(
  files: Files,
  segments: readonly Segment[],
  from: Position,
  most: number,
): SpoolBatch {
  const usages: UsageRecord[] = [];
  const gaps: SpoolGap[] = [];
  let sequence = from.sequence;
  let { segment: number, offset } = from;
  let left = most;
  for (const segment of segments) {
    if (segment.number < number || left === 0) continue;
    if (segment.number > number) [number, offset] = [segment.number, 0];
    const walked = walk(files, segment, offset, left, (frame) => {
      left -= 1;
      if (frame.sequence !== sequence) gaps.push({ expected: sequence, found: frame.sequence });
      sequence = frame.sequence + 1n;
      if (frame.kind === "usage") usages.push(frame.decode() as UsageRecord); // its kind says so
    });
    offset = walked.offset;
    if (walked.damage !== undefined) offset = segment.length;
    if (offset < segment.length) break;
  }
  return { usages, gaps, next: { segment: number, offset, sequence } };
}
