import type { GenerationEvent } from "../../core/generation.ts";

/**
 * Recognises ordinary delta frames without parsing them. The frames of one stream differ only in their
 * strings: once a frame has been parsed and found to be plain content, a later one that is the same text but
 * for the content (and OpenAI's random `obfuscation`) must be plain content too. That is equality of text,
 * no guess: any other difference makes the frame be parsed.
 *
 * Works on Latin-1 text, where an index is a byte offset; characters are counted as UTF-16 units of the
 * decoded string.
 */
export interface DeltaTemplates {
  /** Remembers the shape of a frame that was parsed and held nothing but this one event. */
  learn(frame: string, event: GenerationEvent): void;
  /** The end of the frame at `start` when its shape is known, else −1. */
  match(text: string, start: number): number;
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
  readonly head: string;
  /** From the quote that closes it: to the frame's end, or to the quote that opens the obfuscation. */
  readonly tail: string;
  /** From the quote that closes the obfuscation to the frame's end. */
  readonly end: string | undefined;
  readonly like: GenerationEvent;
}

/** Text and reasoning of a few parallel choices; more than that and the oldest is forgotten. */
const MAX_TEMPLATES = 8;
/** A frame beyond this is rare and not worth remembering. */
const MAX_FRAME_CHARS = 4_096;

const OBFUSCATION = '"obfuscation":"';
const QUOTE = 34;
const BACKSLASH = 92;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

export function createDeltaTemplates(): DeltaTemplates {
  const templates: Template[] = [];
  let oldest = 0;
  let latest = 0;
  // One object that is written over, as a match is made for every token.
  const found = { like: NOTHING_FOUND, start: 0, end: 0, chars: 0 };

  function matchOne(template: Template, text: string, start: number): number {
    if (!text.startsWith(template.head, start)) return -1;
    const open = start + template.head.length;
    const close = scanString(text, open);
    if (close === undefined || scannedChars === 0 || !text.startsWith(template.tail, close)) return -1;
    const chars = scannedChars;
    let end = close + template.tail.length;
    if (template.end !== undefined) {
      const obfuscation = scanString(text, end);
      if (obfuscation === undefined || !text.startsWith(template.end, obfuscation)) return -1;
      end = obfuscation + template.end.length;
    }
    found.like = template.like;
    found.start = open;
    found.end = close;
    found.chars = chars;
    return end;
  }

  return {
    learn(frame, event) {
      const template = templateOf(frame, event);
      if (template === undefined) return;
      templates[oldest] = template;
      latest = oldest;
      oldest = (oldest + 1) % MAX_TEMPLATES;
    },
    match(text, start) {
      const favourite = templates[latest];
      if (favourite === undefined) return -1;
      const end = matchOne(favourite, text, start);
      if (end >= 0) return end;
      for (let at = 0; at < templates.length; at += 1) {
        const template = templates[at];
        if (template === undefined || at === latest) continue;
        const otherEnd = matchOne(template, text, start);
        if (otherEnd < 0) continue;
        latest = at;
        return otherEnd;
      }
      return -1;
    },
    found,
  };
}

const NOTHING_FOUND: GenerationEvent = { type: "text", choice: 0, text: "" };

function templateOf(frame: string, event: GenerationEvent): Template | undefined {
  if (frame.length > MAX_FRAME_CHARS) return undefined;
  const content = contentOf(event);
  const key = content?.keys.find((name) => frame.includes(name));
  if (content === undefined || key === undefined) return undefined;
  const open = frame.indexOf(key) + key.length;
  const close = scanString(frame, open);
  // A second string under the same key, or one of another length, is not the content that was read.
  if (close === undefined || scannedChars !== content.chars || frame.indexOf(key, open) >= 0)
    return undefined;
  const head = frame.slice(0, open);
  const hidden = frame.indexOf(OBFUSCATION, close);
  if (hidden < 0) return { head, tail: frame.slice(close), end: undefined, like: event };
  const hiddenOpen = hidden + OBFUSCATION.length;
  const hiddenClose = scanString(frame, hiddenOpen);
  if (hiddenClose === undefined) return undefined;
  return { head, tail: frame.slice(close, hiddenOpen), end: frame.slice(hiddenClose), like: event };
}

function contentOf(
  event: GenerationEvent,
): { readonly keys: readonly string[]; readonly chars: number } | undefined {
  switch (event.type) {
    case "text":
      return { keys: ['"content":"', '"text":"'], chars: event.text.length };
    case "reasoning":
      return { keys: ['"reasoning_content":"', '"reasoning":"'], chars: event.text.length };
    case "toolCall":
      // The first piece of a call names it and comes once.
      return event.id === undefined && event.name === undefined
        ? { keys: ['"arguments":"'], chars: event.arguments.length }
        : undefined;
    default:
      return undefined;
  }
}

/** UTF-16 units of the string that `scanString` went through last. */
let scannedChars = 0;

/**
 * The index of the quote that closes the JSON string whose content begins at `start`; undefined when a raw
 * control character, an escape that is none, or the end comes first. Counts the decoded characters on the way: a UTF-8 lead byte is one
 * (two from four bytes), its continuations none, an escape one.
 */
function scanString(text: string, start: number): number | undefined {
  let count = 0;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      scannedChars = count;
      return at;
    }
    if (code < 32) return undefined;
    if (code === BACKSLASH) {
      const length = escapeLength(text, at);
      if (length === 0) return undefined;
      at += length - 1;
    } else if (code >= 0xf0) count += 1;
    if (code < 0x80 || code >= 0xc0) count += 1;
  }
  return undefined;
}

/** Length of the escape at `at`; 0 for one that JSON does not know, so that the frame gets parsed and refused. */
function escapeLength(text: string, at: number): number {
  ESCAPE.lastIndex = at;
  return ESCAPE.exec(text)?.[0].length ?? 0;
}
