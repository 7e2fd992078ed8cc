import type { GenerationEvent } from "../../core/generation.ts";

/**
 * Recognises ordinary delta frames without parsing them. The frames of one stream differ only in their
 * strings: once a frame has been parsed and found to be plain content, a later one that is the same bytes but
 * for the content (and OpenAI's random `obfuscation`) must be plain content too. That is equality of bytes,
 * no guess: any other difference makes the frame be parsed.
 *
 * Works on the bytes as they came, so that a token costs no text; characters are counted as UTF-16 units of the
 * decoded string.
 */
export interface DeltaTemplates {
  /** Remembers the shape of a frame that was parsed and held nothing but this one event. */
  learn(frame: Buffer, event: GenerationEvent): void;
  /** The end of the frame at `start` when its shape is known, else −1. */
  match(bytes: Buffer, start: number): number;
  /** What the last match found. */
  readonly found: Found;
}

/** The content of a recognised frame. */
export interface Found {
  /** The event that the shape was learned from: the same but for its text. */
  readonly like: GenerationEvent;
  /** Where the content's JSON text stands, without its quotes. */
  readonly start: number;
  readonly end: number;
  /** UTF-16 units, decoded. */
  readonly chars: number;
}

interface Template {
  /** Up to and with the quote that opens the content. */
  readonly head: Buffer;
  /** From the quote that closes it: to the frame's end, or to the quote that opens the obfuscation. */
  readonly tail: Buffer;
  /** From the quote that closes the obfuscation to the frame's end. */
  readonly end: Buffer | undefined;
  readonly like: GenerationEvent;
}

/** Text and reasoning of a few parallel choices; more than that and the oldest is forgotten. */
const MAX_TEMPLATES = 8;
/** A frame beyond this is rare and not worth remembering. */
const MAX_FRAME_BYTES = 4_096;

const OBFUSCATION = '"obfuscation":"';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export const createDeltaTemplates = (): DeltaTemplates => new Templates();

class Templates implements DeltaTemplates {
  // One object that is written over, as a match is made for every token.
  readonly found = { like: NOTHING_FOUND, start: 0, end: 0, chars: 0 };
  readonly #templates: Template[] = [];
  #oldest = 0;
  #latest = 0;

  learn(frame: Buffer, event: GenerationEvent): void {
    const template = templateOf(frame, event);
    if (template === undefined) return;
    this.#templates[this.#oldest] = template;
    this.#latest = this.#oldest;
    this.#oldest = (this.#oldest + 1) % MAX_TEMPLATES;
  }

  match(bytes: Buffer, start: number): number {
    const favourite = this.#templates[this.#latest];
    if (favourite === undefined) return -1;
    const end = this.#matchOne(favourite, bytes, start);
    return end >= 0 ? end : this.#matchOther(bytes, start);
  }

  #matchOther(bytes: Buffer, start: number): number {
    for (let at = 0; at < this.#templates.length; at += 1) {
      const template = this.#templates[at];
      if (template === undefined || at === this.#latest) continue;
      const end = this.#matchOne(template, bytes, start);
      if (end < 0) continue;
      this.#latest = at;
      return end;
    }
    return -1;
  }

  #matchOne(template: Template, bytes: Buffer, start: number): number {
    if (!standsAt(bytes, start, template.head)) return -1;
    const open = start + template.head.length;
    const close = scanString(bytes, open);
    if (close < 0 || scannedChars === 0 || !standsAt(bytes, close, template.tail)) return -1;
    const chars = scannedChars;
    let end = close + template.tail.length;
    if (template.end !== undefined) {
      const obfuscation = scanString(bytes, end);
      if (obfuscation < 0 || !standsAt(bytes, obfuscation, template.end)) return -1;
      end = obfuscation + template.end.length;
    }
    const { found } = this;
    found.like = template.like;
    found.start = open;
    found.end = close;
    found.chars = chars;
    return end;
  }
}

const NOTHING_FOUND: GenerationEvent = { type: "text", choice: 0, text: "" };

/** The same bytes, without a view or a text of them. */
function standsAt(bytes: Buffer, at: number, part: Buffer): boolean {
  const end = at + part.length;
  return end <= bytes.length && bytes.compare(part, 0, part.length, at, end) === 0;
}

function templateOf(frame: Buffer, event: GenerationEvent): Template | undefined {
  if (frame.length > MAX_FRAME_BYTES) return undefined;
  const content = contentOf(event);
  const key = keysOf(event)?.find((name) => frame.includes(name));
  if (content === undefined || key === undefined) return undefined;
  const open = frame.indexOf(key) + key.length;
  const close = scanString(frame, open);
  // A second string under the same key, or one of another length, is not the content that was read.
  if (close < 0 || scannedChars !== content.length || frame.indexOf(key, open) >= 0) return undefined;
  const head = piece(frame, 0, open);
  const hidden = frame.indexOf(OBFUSCATION, close);
  if (hidden < 0) return { head, tail: piece(frame, close, frame.length), end: undefined, like: event };
  const hiddenOpen = hidden + OBFUSCATION.length;
  const hiddenClose = scanString(frame, hiddenOpen);
  if (hiddenClose < 0) return undefined;
  const tail = piece(frame, close, hiddenOpen);
  return { head, tail, end: piece(frame, hiddenClose, frame.length), like: event };
}

/** A copy: a view would keep the whole block alive as long as the stream. */
const piece = (frame: Buffer, from: number, to: number): Buffer => Buffer.from(frame.subarray(from, to));

const TEXT_KEYS = ['"content":"', '"text":"'];
const REASONING_KEYS = ['"reasoning_content":"', '"reasoning":"'];
const ARGUMENTS_KEYS = ['"arguments":"'];

function keysOf({ type }: GenerationEvent): readonly string[] | undefined {
  if (type === "text") return TEXT_KEYS;
  if (type === "reasoning") return REASONING_KEYS;
  return type === "toolCall" ? ARGUMENTS_KEYS : undefined;
}

/** The string in which an event differs from others of its shape. */
function contentOf(event: GenerationEvent): string | undefined {
  if (event.type === "text" || event.type === "reasoning") return event.text;
  // The first piece of a call names it and comes once.
  const isContinued = event.type === "toolCall" && event.id === undefined && event.name === undefined;
  return isContinued ? event.arguments : undefined;
}

/** UTF-16 units of the string that `scanString` went through last. */
let scannedChars = 0;

/**
 * The index of the quote that closes the JSON string whose content begins at `start`; −1 when a raw control
 * character, an escape that is none, or the end comes first. Counts the decoded characters on the way: a UTF-8 lead byte is one
 * (two from four bytes), its continuations none, an escape one.
 */
function scanString(bytes: Buffer, start: number): number {
  let count = 0;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      scannedChars = count;
      return at;
    }
    if (byte < 0x20) return -1;
    if (byte === BACKSLASH) {
      const length = escapeLength(bytes, at);
      if (length === 0) return -1;
      at += length - 1;
    } else if (byte >= 0xf0) count += 1;
    if (byte < 0x80 || byte >= 0xc0) count += 1;
  }
  return -1;
}

/** What may stand behind a backslash, but for `u`: `"\/bfnrt`. */
const IS_ESCAPED: readonly boolean[] = Array.from({ length: 256 }, (_, byte) =>
  '"\\/bfnrt'.includes(String.fromCharCode(byte)),
);
const IS_HEX: readonly boolean[] = Array.from({ length: 256 }, (_, byte) =>
  /[0-9a-f]/i.test(String.fromCharCode(byte)),
);
const U = 0x75;

/** Length of the escape at `at`; 0 for one that JSON does not know, so that the frame gets parsed and refused. */
function escapeLength(bytes: Buffer, at: number): number {
  const kind = bytes[at + 1] ?? 0;
  if (kind !== U) return IS_ESCAPED[kind] === true ? 2 : 0;
  for (let digit = at + 2; digit < at + 6; digit += 1) if (IS_HEX[bytes[digit] ?? 0] !== true) return 0;
  return 6;
}
