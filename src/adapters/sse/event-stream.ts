/** One SSE frame, read by the rules of the HTML standard's event stream. */
export interface SseFrame {
  /** The `data:` lines, joined by LF; undefined when the frame has none (a comment, a lone id). */
  readonly data: string | undefined;
  readonly event: string | undefined;
  /** True when the frame is one `data:` line and nothing else: the form OpenAI's own streams have. */
  readonly isPlain: boolean;
}

/** Reads the lines of one frame. Comments, `id:`, `retry:` and unknown fields are passed over. */
export function readFrame(frame: string): SseFrame {
  let data: string | undefined;
  let event: string | undefined;
  let lines = 0;
  for (let at = 0; at < frame.length; ) {
    const start = at;
    const newline = frame.indexOf("\n", start);
    const lineEnd = newline < 0 ? frame.length : newline;
    const end = lineEnd > start && frame.charCodeAt(lineEnd - 1) === CR ? lineEnd - 1 : lineEnd;
    at = lineEnd + 1;
    if (end === start) continue;
    lines += 1;
    const value = fieldValue(frame, start, end, "data");
    if (value !== undefined) data = data === undefined ? value : `${data}\n${value}`;
    else event = fieldValue(frame, start, end, "event") ?? event;
  }
  return { data, event, isPlain: lines === 1 && data !== undefined };
}

/** Index just after the empty line that ends the frame at `start` (which is not itself an empty line); `text.length` without one. */
export function frameEnd(text: string, start: number): number {
  for (let newline = text.indexOf("\n", start); newline >= 0; newline = text.indexOf("\n", newline + 1)) {
    const emptyLine = emptyLineLength(text, newline + 1);
    if (emptyLine > 0) return newline + 1 + emptyLine;
  }
  return text.length;
}

/** Length of the empty line at `at` (1 for LF, 2 for CRLF), 0 when there is none. */
export function emptyLineLength(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code === 10) return 1;
  return code === 13 && text.charCodeAt(at + 1) === 10 ? 2 : 0;
}

/** Every frame of a text that holds whole frames. */
export function* readFrames(text: string): Generator<SseFrame, void> {
  for (let at = text.charCodeAt(0) === 0xfeff ? 1 : 0; at < text.length; ) {
    const blank = emptyLineLength(text, at);
    if (blank > 0) {
      at += blank;
      continue;
    }
    const end = frameEnd(text, at);
    yield readFrame(text.slice(at, end));
    at = end;
  }
}

/**
 * The value after `name:` of the line from `start` to `end`, without the one space that may follow the colon; undefined
 * when the line is another field.
 */
function fieldValue(frame: string, start: number, end: number, name: string): string | undefined {
  if (!frame.startsWith(name, start)) return undefined;
  const colon = start + name.length;
  if (colon === end) return "";
  // Beyond the line's end stands what ends it, which is no colon.
  if (frame.charCodeAt(colon) !== COLON) return undefined;
  return frame.slice(frame.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1, end);
}

const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;

/** Length of the mark that some write before the first byte of a text, 0 when there is none. */
export const byteOrderMarkLength = (bytes: Uint8Array): number =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
