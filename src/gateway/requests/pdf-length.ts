import { inflatePdfStream, type PdfBudget } from "./pdf-streams.ts";

/** How long a PDF is, at most, as far as that can be seen. */
export interface PdfLength {
  /** At least 1; undefined: it cannot be read here. */
  readonly pages: number | undefined;
  /** Bytes of the text that stands on them. */
  readonly textBytes: number;
}

/** Readers look for it in the first kilobyte (ISO 32000-1, implementation note 13). */
const HEADER_WITHIN = 1_024;
/** So many bytes before a stream its dictionary is looked for: the largest ones are those of fonts, with 1,000 widths. */
const DICTIONARY = 8_192;
/** Held as text for each byte of a stream that is packed in another way: LZW and the like pack text to a third. */
const OTHERWISE_PACKED = 3;

/** Names with letters as numbers that are looked at: honest ones are those of some dozen fonts and colours. */
const MOST_ESCAPED = 10_000;

const UNREADABLE: PdfLength = { pages: undefined, textBytes: 0 };

/**
 * Counts pages by their objects and by what the trees of pages say (ISO 32000-1, 7.7.3), in plain and in compressed objects,
 * and the text in the strings of their content. High rather than low: pages that an update replaced count again. What is
 * encrypted, packed so that its objects cannot be seen, or written so as to hide them, cannot be read.
 */
export function pdfLength(file: Buffer, budget: PdfBudget): PdfLength {
  const whole = file.toString("latin1");
  if (!whole.slice(0, HEADER_WITHIN).includes("%PDF-") || whole.includes("/Encrypt")) return UNREADABLE;
  const pages = new PageCount();
  pages.add(whole);
  let textBytes = 0;
  const later: { readonly dictionary: string; readonly bytes: Buffer }[] = [];
  let hidden = whole.split("/ObjStm").length - 1;
  for (const { dictionary, from, to } of streamsIn(whole)) {
    budget.found -= 1;
    if (budget.found < 0) return UNREADABLE;
    const bytes = file.subarray(from, to);
    if (!/\/ObjStm\b/.test(dictionary)) {
      if (!IS_NO_TEXT.test(dictionary)) later.push({ dictionary, bytes });
      continue;
    }
    // Objects come first: without them there is nothing to count.
    const objects = inflatePdfStream(dictionary, bytes, budget);
    if (objects === undefined) return UNREADABLE;
    pages.add(objects.toString("latin1"));
    hidden -= 1;
  }
  if (hidden > 0) return UNREADABLE;
  for (const { dictionary, bytes } of later) {
    const content = inflatePdfStream(dictionary, bytes, budget);
    textBytes += content === undefined ? bytes.length * OTHERWISE_PACKED : textBytesIn(content);
  }
  return { pages: pages.most(), textBytes };
}

/** Streams of pictures, fonts, colours and of the file's own order. Content that is reused (`/Form`) is none of them. */
const IS_NO_TEXT =
  /\/Subtype\s*\/(?:Image|XML|Type1C|CIDFontType0C|OpenType)\b|\/(?:DCT|JPX|CCITTFax|JBIG2)Decode\b|\/Length[12]\b|\/Type\s*\/(?:XRef|Metadata|EmbeddedFile)\b|\/(?:FunctionType|Alternate|ShadingType)\b/;

interface StreamPlace {
  readonly dictionary: string;
  readonly from: number;
  readonly to: number;
}

function* streamsIn(whole: string): Generator<StreamPlace> {
  let last = 0;
  for (let at = whole.indexOf("stream"); at >= 0; at = whole.indexOf("stream", at)) {
    const from = at + "stream".length;
    const isBeginning = whole[at - 1] !== "d" && /[\r\n]/.test(whole[from] ?? "");
    if (!isBeginning) {
      at = from;
      continue;
    }
    const end = whole.indexOf("endstream", from);
    const to = end < 0 ? whole.length : end;
    const before = whole.slice(Math.max(last, at - DICTIONARY), at);
    const dictionary = before.slice(before.lastIndexOf(" obj") + 1);
    yield { dictionary, from: from + (whole.startsWith("\r\n", from) ? 2 : 1), to };
    at = end < 0 ? whole.length : end + "endstream".length;
    last = at;
  }
}

/** Pages by three signs, of which the highest counts. */
class PageCount {
  #objects = 0;
  #told = 0;
  #isHidden = false;

  /** The text of objects, among anything else. */
  add(text: string): void {
    // A letter that is written as its number hides a name, and a page that stands in a tree twice is two.
    this.#isHidden ||= /\/[\w#]*#(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/i.test(text) && hidesPages(text);
    for (const _ of text.matchAll(/\/Type\s*\/Page(?![A-Za-z])/g)) this.#objects += 1;
    for (const tree of treesIn(text)) {
      const count = /\/Count\s+(\d{1,9})/.exec(tree)?.[1];
      if (count !== undefined) this.#told = Math.max(this.#told, Number(count));
      const kids = tree.indexOf("/Kids");
      const end = tree.indexOf("]", kids);
      const refs = kids < 0 || end < 0 ? [] : (tree.slice(kids, end).match(/\d+\s+\d+\s+R/g) ?? []);
      this.#isHidden ||= new Set(refs).size < refs.length;
    }
  }

  most(): number | undefined {
    const most = Math.max(this.#objects, this.#told);
    return this.#isHidden || this.#objects === 0 ? undefined : most;
  }
}

/** The text around each node of a tree of pages, as far as the next things that say what they are. */
function* treesIn(text: string): Generator<string> {
  let before = 0;
  for (let at = text.indexOf("/Type"); at >= 0; ) {
    const next = text.indexOf("/Type", at + 1);
    const to = next < 0 ? text.length : next;
    if (/^\/Type\s*\/Pages\b/.test(text.slice(at, at + 64))) yield text.slice(before, to);
    before = at + "/Type".length;
    at = next;
  }
}

/** Names of fonts and colours may hold such letters; those of pages, trees and objects need none. */
function hidesPages(text: string): boolean {
  let looked = 0;
  for (const [name] of text.matchAll(/\/[\w#]*#[0-9a-f]{2}[\w#]*/gi)) {
    const plain = name.replace(/#([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    looked += 1;
    if (looked > MOST_ESCAPED) return true;
    if (/^\/(?:Type|Pages?|Count|Kids|ObjStm|Encrypt|Filter|FlateDecode)$/.test(plain)) return true;
  }
  return false;
}

const OPEN = 0x28; // (
const CLOSE = 0x29; // )
const LESS = 0x3c; // <
const MORE = 0x3e; // >
const BACKSLASH = 0x5c;

/** Bytes of the strings in a stream that shows any, two digits for one where they are written so. */
export function textBytesIn(content: Buffer): number {
  if (!content.includes("Tj") && !content.includes("TJ") && !content.includes("'") && !content.includes('"'))
    return 0;
  let bytes = 0;
  for (let at = 0; at < content.length; at += 1) {
    if (content[at] === LESS) {
      if (content[at + 1] === LESS) {
        at += 1;
        continue;
      }
      const end = content.indexOf(MORE, at);
      if (end < 0) return bytes;
      bytes += Math.ceil((end - at - 1) / 2);
      at = end;
    } else if (content[at] === OPEN) {
      let depth = 1;
      while (depth > 0 && at + 1 < content.length) {
        at += 1;
        const byte = content[at];
        if (byte === BACKSLASH) at += 1;
        else if (byte === OPEN) depth += 1;
        else if (byte === CLOSE) depth -= 1;
        if (depth > 0) bytes += 1;
      }
    }
  }
  return bytes;
}
