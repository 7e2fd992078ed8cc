import type { Delta, DeltaEntry } from "./entry.ts";

/**
 * Entries as bytes, as they lie in a ring, travel between nodes and stand in a stream's copy: kind (1 byte), length
 * (LEB128), payload. Plain text is its own payload, everything else is JSON.
 */
export interface Records {
  /** Number of the first entry; the others follow without a gap. */
  readonly first: number;
  readonly last: number;
  /** Whole records. */
  readonly bytes: Buffer;
}

export interface RecordHeader {
  readonly kind: number;
  /** Of the payload. */
  readonly start: number;
  /** Of the record, and where the next one begins. */
  readonly end: number;
}

const TEXT = 1;
const REASONING = 2;
const JSON_DELTA = 3;

/** Kind and a length of up to 28 bits. */
export const HEADER_BYTES = 5;

/** A record's kind: plain text and plain reasoning are written as they are, everything else as JSON. */
export function kindOf({ choice, opens, text, reasoning, refusal, toolCalls }: Delta): number {
  if (choice !== 0 || opens || refusal !== undefined || toolCalls !== undefined) return JSON_DELTA;
  if (reasoning === undefined) return text === undefined ? JSON_DELTA : TEXT;
  return text === undefined ? REASONING : JSON_DELTA;
}

/** What a record of the delta's own kind holds. */
export function payloadOf(delta: Delta, kind: number): string {
  const plain = kind === TEXT ? delta.text : kind === REASONING ? delta.reasoning : undefined;
  return plain ?? JSON.stringify(delta);
}

/** The delta as the entry `seq`. */
export const entryOf = (seq: number, delta: Delta): DeltaEntry => ({ type: "delta", seq, ...delta });

function decode(seq: number, kind: number, payload: string): DeltaEntry {
  if (kind === TEXT) return { type: "delta", seq, choice: 0, opens: false, text: payload };
  if (kind === REASONING) return { type: "delta", seq, choice: 0, opens: false, reasoning: payload };
  return entryOf(seq, JSON.parse(payload) as Delta); // written by `payloadOf` above
}

/**
 * Writes a record's header.
 * @param length of the payload in bytes, less than 2^28
 * @returns where the payload begins
 */
export function writeHeader(bytes: Buffer, offset: number, kind: number, length: number): number {
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

/** Reads what `writeHeader` wrote at `offset`. */
export function readHeader(bytes: Buffer, offset: number): RecordHeader {
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

/** The entry whose record begins at the offset. */
export function decodeRecord(
  bytes: Buffer,
  offset: number,
  seq: number,
): { readonly entry: DeltaEntry; readonly end: number } {
  const { kind, start, end } = readHeader(bytes, offset);
  return { entry: decode(seq, kind, bytes.toString("utf8", start, end)), end };
}

/** Where each record begins and ends. */
export function* recordsIn(bytes: Buffer): Generator<{ readonly start: number; readonly end: number }> {
  for (let start = 0; start < bytes.length; ) {
    const { end } = readHeader(bytes, start);
    yield { start, end };
    start = end;
  }
}

/** The entries one after the other. */
export function* entriesIn({ first, bytes }: Records): Generator<DeltaEntry> {
  let seq = first;
  for (const { start } of recordsIn(bytes)) {
    yield decodeRecord(bytes, start, seq).entry;
    seq += 1;
  }
}
