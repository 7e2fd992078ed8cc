import { Packr } from "msgpackr";
import type { SpoolRecord } from "../records.ts";
import { crc32c } from "./crc32c.ts";

/**
 * One record on disk: `u32 length | u32 crc32c | payload`, big endian. The payload is `u8 kind | u64 sequence |
 * MessagePack`: kind and sequence can be read without decoding the rest.
 */
export const FRAME_HEADER_BYTES = 8;
const PAYLOAD_HEADER_BYTES = 9;

/** No record comes near it; a longer one is a broken length. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;

const KINDS = ["intent", "progress", "usage"] as const satisfies readonly SpoolRecord["kind"][];

/** Plain MessagePack, readable by anything: no record extension; bigints are 64-bit integers, both ways. */
const packr = new Packr({ useRecords: false });

export function encodeFrame(record: SpoolRecord, sequence: bigint): Uint8Array {
  const body = packr.pack(record);
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + PAYLOAD_HEADER_BYTES + body.length);
  frame.writeUInt32BE(PAYLOAD_HEADER_BYTES + body.length, 0);
  frame[FRAME_HEADER_BYTES] = KINDS.indexOf(record.kind);
  frame.writeBigUInt64BE(sequence, FRAME_HEADER_BYTES + 1);
  frame.set(body, FRAME_HEADER_BYTES + PAYLOAD_HEADER_BYTES);
  frame.writeUInt32BE(crc32c(frame.subarray(FRAME_HEADER_BYTES)), 4);
  return frame;
}

/**
 * True when the header at `offset` could be a record's, numbered in [`from`, `below`): cheap, so that damaged bytes
 * can be searched for the next whole one.
 */
export function couldBeFrame(bytes: Buffer, offset: number, from: bigint, below: bigint): boolean {
  const start = offset + FRAME_HEADER_BYTES;
  if (bytes.length < start + PAYLOAD_HEADER_BYTES) return false;
  const length = bytes.readUInt32BE(offset);
  if (length < PAYLOAD_HEADER_BYTES || start + length > bytes.length) return false;
  const sequence = bytes.readBigUInt64BE(start + 1);
  return KINDS[bytes[start] ?? -1] !== undefined && sequence >= from && sequence < below;
}

export interface Frame {
  readonly kind: SpoolRecord["kind"];
  readonly sequence: bigint;
  /** Where the next frame begins. */
  readonly end: number;
  decode(): SpoolRecord;
}

/** The frame at `offset`; "incomplete" when the bytes end first, "corrupt" when they are not what was written. */
export function readFrame(bytes: Buffer, offset: number): Frame | "incomplete" | "corrupt" {
  const start = offset + FRAME_HEADER_BYTES;
  if (bytes.length < start) return "incomplete";
  const length = bytes.readUInt32BE(offset);
  if (length < PAYLOAD_HEADER_BYTES || length > MAX_PAYLOAD_BYTES) return "corrupt";
  const end = start + length;
  if (bytes.length < end) return "incomplete";
  const payload = bytes.subarray(start, end);
  if (crc32c(payload) !== bytes.readUInt32BE(offset + 4)) return "corrupt";
  const kind = KINDS[payload[0] ?? -1];
  if (kind === undefined) return "corrupt";
  return {
    kind,
    sequence: payload.readBigUInt64BE(1),
    end,
    // Written by encodeFrame, as its checksum proves.
    decode: () => packr.unpack(payload.subarray(PAYLOAD_HEADER_BYTES)) as SpoolRecord,
  };
}
