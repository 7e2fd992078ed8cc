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
  /** The frame that it was learned from: a copy, as a view would keep the whole block alive as long as the stream. */
  readonly frame: Buffer;
  readonly like: GenerationEvent;
  /** Behind the quote that opens the content. */
  readonly open: number;
  /** The quote that closes it. */
  readonly close: number;
  /** Behind the quote that opens the obfuscation, and the one that closes it; the frame's end where there is none. */
  readonly hiddenOpen: number;
  readonly hiddenClose: number;
}

/** Text and reasoning of a few parallel choices; more than that and the oldest is forgotten. */
const MAX_TEMPLATES = 8;
/** A frame beyond this is rare and not worth remembering. */
const MAX_FRAME_BYTES = 4_096;

/** What is looked for is kept as bytes: a text is made into these each time. */
const OBFUSCATION = Buffer.from('"obfuscation":"');
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
    const { frame, hiddenOpen, hiddenClose } = template;
    if (!isSame(frame, 0, template.open, bytes, start)) return -1;
    const open = start + template.open;
    const close = scanString(bytes, open);
    if (close < 0 || scannedChars === 0 || !isSame(frame, template.close, hiddenOpen, bytes, close))
      return -1;
    const chars = scannedChars;
    let end = close + hiddenOpen - template.close;
    if (hiddenOpen < frame.length) {
      const obfuscation = scanString(bytes, end);
      if (obfuscation < 0 || !isSame(frame, hiddenClose, frame.length, bytes, obfuscation)) return -1;
      end = obfuscation + frame.length - hiddenClose;
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

/** The template's bytes from `from` to `to` stand at `at`: found out without a view or a text of them. */
function isSame(frame: Buffer, from: number, to: number, bytes: Buffer, at: number): boolean {
  const end = at + to - from;
  return end <= bytes.length && bytes.compare(frame, from, to, at, end) === 0;
}

function templateOf(frame: Buffer, like: GenerationEvent): Template | undefined {
  if (frame.length > MAX_FRAME_BYTES) return undefined;
  const content = contentOf(like);
  const key = content === undefined ? undefined : keyIn(frame, like);
  if (content === undefined || key === undefined) return undefined;
  const open = frame.indexOf(key) + key.length;
  const close = scanString(frame, open);
  // A second string under the same key, or one of another length, is not the content that was read.
  if (close < 0 || scannedChars !== content.length || frame.indexOf(key, open) >= 0) return undefined;
  const hidden = frame.indexOf(OBFUSCATION, close);
  const hiddenOpen = hidden < 0 ? frame.length : hidden + OBFUSCATION.length;
  const hiddenClose = hidden < 0 ? frame.length : scanString(frame, hiddenOpen);
  if (hiddenClose < 0) return undefined;
  return { frame: Buffer.from(frame), like, open, close, hiddenOpen, hiddenClose };
}

const TEXT_KEYS = [Buffer.from('"content":"'), Buffer.from('"text":"')];
const REASONING_KEYS = [Buffer.from('"reasoning_content":"'), Buffer.from('"reasoning":"')];
const ARGUMENTS_KEYS = [Buffer.from('"arguments":"')];

/** The key under which the event's content stands, up to the quote that opens it. */
function keyIn(frame: Buffer, { type }: GenerationEvent): Buffer | undefined {
  const keys = type === "text" ? TEXT_KEYS : type === "reasoning" ? REASONING_KEYS : ARGUMENTS_KEYS;
  for (const key of keys) if (frame.includes(key)) return key;
  return undefined;
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
 * character, an escape that is none, or the end comes first. Counts the decoded characters on the way: a UTF-8 lead byte
 * is one (two from four bytes), its continuations none, an escape one.
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
