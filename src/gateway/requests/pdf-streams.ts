import { constants, inflateSync } from "node:zlib";
import { ownOf } from "../../core/own-of.ts";

/** What may be inflated of the documents of one request: 30 ms of work. Honest content of 500 pages is less. */
const MOST_INFLATED = 8 * 1024 * 1024;
/** Streams that are opened of them: small ones cost their beginning. */
const MOST_STREAMS = 5_000;

/** Streams that are found in them; each is looked at. */
const MOST_FOUND = 50_000;

/** What is left to be done for one request. */
export interface PdfBudget {
  /** That are inflated, or looked through. */
  bytes: number;
  /** To be inflated. */
  streams: number;
  /** To be found. */
  found: number;
}

export const pdfBudget = (): PdfBudget => ({
  bytes: MOST_INFLATED,
  streams: MOST_STREAMS,
  found: MOST_FOUND,
});

/**
 * What a PDF's stream holds. Undefined: it is packed in a way that is not read here, damaged, or more than may be inflated.
 * Takes from the budget what it inflates.
 */
export function inflatePdfStream(dictionary: string, packed: Buffer, budget: PdfBudget): Buffer | undefined {
  const filters = filtersIn(dictionary);
  if (filters === undefined) return undefined;
  if (filters.length === 0) budget.bytes -= packed.length;
  if (budget.bytes < 0) return undefined;
  let bytes = packed;
  for (const filter of filters) {
    if (bytes.length > budget.bytes) return undefined;
    const next = filter === "flate" ? inflated(bytes, budget) : ascii85(bytes);
    if (next === undefined) return undefined;
    bytes = next;
  }
  return bytes;
}

/** In the order in which they are undone; undefined: one that is not read here, or a predictor, which only tables have. */
function filtersIn(dictionary: string): readonly ("flate" | "ascii85")[] | undefined {
  const said = /\/Filter\s*(\[[^\]]*\]|\/[A-Za-z0-9]+)/.exec(dictionary)?.[1];
  if (said === undefined) return dictionary.includes("/Filter") ? undefined : [];
  const names = said.match(/[A-Za-z0-9]+/g) ?? [];
  const known = names.map((name) => ownOf(KNOWN, name));
  return known.every((filter) => filter !== undefined) ? known : undefined;
}

const KNOWN: Readonly<Record<string, "flate" | "ascii85">> = {
  FlateDecode: "flate",
  Fl: "flate",
  ASCII85Decode: "ascii85",
  A85: "ascii85",
};

function inflated(packed: Buffer, budget: PdfBudget): Buffer | undefined {
  if (budget.bytes <= 0 || budget.streams <= 0) return undefined;
  budget.streams -= 1;
  try {
    // The line's end before `endstream` follows the data, and is no part of it.
    const bytes = inflateSync(packed, { maxOutputLength: budget.bytes, finishFlush: constants.Z_SYNC_FLUSH });
    budget.bytes -= bytes.length;
    return bytes;
  } catch (thrown) {
    const isTooLong = thrown instanceof Error && "code" in thrown && thrown.code === "ERR_BUFFER_TOO_LARGE";
    if (isTooLong) budget.bytes = 0;
    return undefined;
  }
}

const FIRST = 0x21; // !
const LAST = 0x75; // u
const ZEROS = 0x7a; // z
const TILDE = 0x7e;

/** Five digits to the base of 85 for four bytes (ISO 32000-1, 7.4.3). */
function ascii85(text: Buffer): Buffer {
  let zeros = 0;
  for (const byte of text) if (byte === ZEROS) zeros += 1;
  const bytes = Buffer.alloc(text.length + zeros * 4 + 8);
  let length = 0;
  let group = 0;
  let digits = 0;
  const put = (count: number): void => {
    bytes.writeUInt32BE(group >>> 0, length);
    length += count;
    group = 0;
    digits = 0;
  };
  for (const byte of text) {
    if (byte === TILDE) break;
    if (byte === ZEROS && digits === 0) put(4);
    if (byte < FIRST || byte > LAST) continue;
    group = (group * 85 + byte - FIRST) % 2 ** 32;
    digits += 1;
    if (digits === 5) put(4);
  }
  if (digits > 1) {
    const count = digits - 1;
    for (; digits < 5; digits += 1) group = (group * 85 + LAST - FIRST) % 2 ** 32;
    put(count);
  }
  return bytes.subarray(0, length);
}
