import type { SpoolRecord } from "../records.ts";
import { recordFrom, textOf, unpackRecord } from "./record-text.ts";

/**
 * One record on disk: `u32 length | u32 crc32 | payload`, big endian. The payload is `u8 form | u64 sequence | JSON` (once
 * MessagePack): form and sequence can be read without decoding the rest. The checksum is that of RFC 1952, which the
 * runtime computes natively: 30 ns a record, where CRC-32C in JavaScript took 1.5 µs.
 */
export const FRAME_HEADER_BYTES = 8;
const PAYLOAD_HEADER_BYTES = 9;

/** No record comes near it; a longer one is a broken length. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;

/** By the byte that stands for them. */
const FORMS = [
  { kind: "intent", isPacked: true },
  { kind: "progress", isPacked: true },
  { kind: "usage", isPacked: true },
  { kind: "intent", isPacked: false },
  { kind: "progress", isPacked: false },
  { kind: "usage", isPacked: false },
] as const satisfies readonly { readonly kind: SpoolRecord["kind"]; readonly isPacked: boolean }[];

/** What is written now. */
const BYTE_OF = { intent: 3, progress: 4, usage: 5 } as const satisfies Record<SpoolRecord["kind"], number>;

/** A UTF-16 unit takes so many bytes of UTF-8 at most. */
const MOST_UNIT_BYTES = 3;

/** Records as they are written, one after the other. */
export interface Frames {
  /** Valid until the next call: the same memory is written to again. */
  readonly bytes: Uint8Array;
  /** Of each frame, in bytes. */
  readonly lengths: readonly number[];
}

/** Grows to the largest group so far; a group is what was admitted or ended in one turn of the event loop. */
let scratch = Buffer.allocUnsafe(64 * 1024);

/** @param first the number of the first record; the others follow it */
export function encodeFrames(records: readonly SpoolRecord[], first: bigint): Frames {
  const lengths: number[] = [];
  let end = 0;
  // Numbers go up to 2^53 exactly, which is enough for a record each microsecond of 285 years.
  let sequence = Number(first);
  for (const record of records) {
    const length = encodeAt(end, record, sequence);
    lengths.push(length);
    end += length;
    sequence += 1;
  }
  return { bytes: scratch.subarray(0, end), lengths };
}

/** Form and number of the record that is being written: they begin its payload, and so its checksum. */
const head = Buffer.alloc(PAYLOAD_HEADER_BYTES);
const WORD = 2 ** 32;

function encodeAt(start: number, record: SpoolRecord, sequence: number): number {
  const text = textOf(record);
  const payload = start + FRAME_HEADER_BYTES;
  const body = payload + PAYLOAD_HEADER_BYTES;
  reserve(body + text.length * MOST_UNIT_BYTES, start);
  const end = body + scratch.write(text, body);
  head[0] = BYTE_OF[record.kind];
  head.writeUInt32BE(Math.floor(sequence / WORD), 1);
  head.writeUInt32BE(sequence % WORD, 5);
  scratch.set(head, payload);
  scratch.writeUInt32BE(end - payload, start);
  // Of the text, as UTF-8: its bytes in the scratch would take a view of them for each record.
  scratch.writeUInt32BE(Bun.hash.crc32(text, Bun.hash.crc32(head)), start + 4);
  return end - start;
}

/** Room for so many bytes, of which the first `used` are kept. */
function reserve(bytes: number, used: number): void {
  if (bytes <= scratch.length) return;
  const larger = Buffer.allocUnsafe(Math.max(bytes, scratch.length * 2));
  larger.set(scratch.subarray(0, used));
  scratch = larger;
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
  return FORMS[bytes[start] ?? -1] !== undefined && sequence >= from && sequence < below;
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
  if (Bun.hash.crc32(payload) !== bytes.readUInt32BE(offset + 4)) return "corrupt";
  const form = FORMS[payload[0] ?? -1];
  if (form === undefined) return "corrupt";
  const { kind, isPacked } = form;
  return {
    kind,
    sequence: payload.readBigUInt64BE(1),
    end,
    decode: () =>
      isPacked
        ? unpackRecord(payload.subarray(PAYLOAD_HEADER_BYTES))
        : recordFrom(kind, payload.toString("utf8", PAYLOAD_HEADER_BYTES)),
  };
}
