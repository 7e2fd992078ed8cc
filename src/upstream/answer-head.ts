import { MAX_FIELDS } from "./limits.ts";
import { UpstreamError } from "./upstream-error.ts";

/** The head of an answer, as far as its framing needs it. The other fields stay text until somebody asks. */
export interface AnswerHead {
  readonly status: number;
  readonly framing: Framing;
  /** Bytes of the body, where its framing is by its length. */
  readonly length: number;
  /** The connection may serve another request once this answer is over. */
  readonly keepsAlive: boolean;
  /** How long the server says it keeps an unused connection (`keep-alive: timeout`). */
  readonly keepAliveMs: number | undefined;
  /** Status line and field lines, one byte a character. */
  readonly text: string;
}

/** How the body's end is found (RFC 9112, 6.3). */
export type Framing = "none" | "length" | "chunks" | "close";

/**
 * Reads a head. Lines end with CRLF or LF; a line that begins with white space goes on with the one before (RFC 9112,
 * 2.2 and 5.2). Throws UpstreamError for whatever leaves room for two readings: a body with two framings, lengths that
 * differ, codings that are not `chunked`, bare CRs, control characters, names with white space.
 *
 * @param text from the status line to the last field's line, without the empty line
 */
export function readHead(text: string): AnswerHead {
  if (CONTROLS.test(text)) throw malformed("its head holds control characters");
  const status = statusOf(text);
  const isOld = text.charCodeAt(MINOR_VERSION_AT) === ZERO;
  const { length, isChunked, isCoded, closes, keepsAlive, keepAliveMs } = saidIn(text);
  if (isChunked && (isOld || length !== undefined)) throw malformed("its body has two framings");
  const isBodyless = status === 204 || status === 304 || status < 200;
  // What a refusal says may be lost; that it is one may not.
  if (isCoded && status >= 200 && status < 300 && !isBodyless && length !== 0) {
    throw new UpstreamError("unexpected_encoding", "The answer is compressed, which was not asked for.");
  }
  const framing = isBodyless ? "none" : framingOf(isChunked, length);
  // An answer that must have no body and yet says it has: whatever follows would be taken for the next answer.
  const isContradictory = isBodyless && status !== 304 && (isChunked || (length ?? 0) > 0);
  const isClosed = closes || (isOld && !keepsAlive) || isContradictory || framing === "close";
  return { status, framing, length: length ?? 0, keepsAlive: !isClosed, keepAliveMs, text };
}

/** What the fields say that matter here. */
interface Said {
  length: number | undefined;
  isChunked: boolean;
  isCoded: boolean;
  closes: boolean;
  keepsAlive: boolean;
  keepAliveMs: number | undefined;
}

function saidIn(text: string): Said {
  const said: Said = {
    length: undefined,
    isChunked: false,
    isCoded: false,
    closes: false,
    keepsAlive: false,
    keepAliveMs: undefined,
  };
  let at = text.indexOf("\n") + 1;
  for (let count = 0; at < text.length; count += 1) {
    if (count === MAX_FIELDS) throw new UpstreamError("oversized_head", "The answer has too many fields.");
    const colon = endOfName(text, at);
    const end = endOfField(text, colon);
    const name = nameThatMatters(text, at, colon);
    if (name !== undefined) note(said, name, text, colon + 1, end);
    at = end + 1;
  }
  return said;
}

/** The usual values are read where they stand; all others as texts of their own. */
function note(said: Said, name: MatteringName, text: string, from: number, to: number): void {
  switch (name) {
    case "content-length": {
      const plain = plainLength(text, from, to);
      const isAlone = said.length === undefined || said.length === plain;
      said.length = plain >= 0 && isAlone ? plain : lengthOf(unfolded(text.slice(from, to)), said.length);
      break;
    }
    case "transfer-encoding": {
      const isChunked =
        isPlainly(text, from, to, "chunked") || unfolded(text.slice(from, to)).toLowerCase() === "chunked";
      if (said.isChunked || !isChunked) throw malformed("it has an unknown coding");
      said.isChunked = true;
      break;
    }
    case "content-encoding": {
      const coding = unfolded(text.slice(from, to)).toLowerCase();
      if (coding !== "" && coding !== "identity") said.isCoded = true;
      break;
    }
    case "connection": {
      if (isPlainly(text, from, to, "keep-alive")) said.keepsAlive = true;
      else noteConnection(said, unfolded(text.slice(from, to)));
      break;
    }
    case "keep-alive":
      said.keepAliveMs = patienceOf(unfolded(text.slice(from, to)));
      break;
  }
}

function noteConnection(said: Said, value: string): void {
  if (hasToken(value, "close")) said.closes = true;
  if (hasToken(value, "keep-alive")) said.keepsAlive = true;
}

function framingOf(isChunked: boolean, length: number | undefined): Framing {
  if (isChunked) return "chunks";
  if (length === undefined) return "close";
  return length === 0 ? "none" : "length";
}

/** All fields, for those who want more than the framing. */
export function headersOf({ text }: AnswerHead): Headers {
  const headers = new Headers();
  for (let at = text.indexOf("\n") + 1; at < text.length; ) {
    const colon = endOfName(text, at);
    const end = endOfField(text, colon);
    headers.append(text.slice(at, colon), unfolded(text.slice(colon + 1, end)));
    at = end + 1;
  }
  return headers;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is what is looked for
const CONTROLS = /[\0-\x08\v\f\x0e-\x1f\x7f]|\r(?!\n)/;

/** `HTTP/1.1 200 OK`; the reason may be missing, with its space. */
function statusOf(text: string): number {
  const status = 100 * digitAt(text, 9) + 10 * digitAt(text, 10) + digitAt(text, 11);
  const minor = digitAt(text, MINOR_VERSION_AT);
  const behind = text.charCodeAt(12);
  const isEnd = behind === 0x20 || behind === 0x0d || behind === 0x0a;
  const isLine = text.startsWith("HTTP/1.") && minor <= 1 && text.charCodeAt(8) === 0x20 && isEnd;
  if (!isLine || !(status >= 100 && status < 600)) throw malformed("it does not begin with a status line");
  return status;
}

const MINOR_VERSION_AT = 7;
const ZERO = 0x30;

/** NaN where there is no digit. */
function digitAt(text: string, at: number): number {
  const digit = text.charCodeAt(at) - ZERO;
  return digit >= 0 && digit <= 9 ? digit : Number.NaN;
}

type MatteringName =
  | "content-length"
  | "transfer-encoding"
  | "content-encoding"
  | "connection"
  | "keep-alive";

/** The field's name, if it is one that matters here, without a text of each. */
function nameThatMatters(text: string, from: number, to: number): MatteringName | undefined {
  switch (to - from) {
    case 10:
      if (isWord(text, from, "connection")) return "connection";
      return isWord(text, from, "keep-alive") ? "keep-alive" : undefined;
    case 14:
      return isWord(text, from, "content-length") ? "content-length" : undefined;
    case 16:
      return isWord(text, from, "content-encoding") ? "content-encoding" : undefined;
    case 17:
      return isWord(text, from, "transfer-encoding") ? "transfer-encoding" : undefined;
    default:
      return undefined;
  }
}

/** The word stands at `from`, in whatever case. @param word of small letters and `-` */
function isWord(text: string, from: number, word: string): boolean {
  for (let at = 0; at < word.length; at += 1) {
    const code = text.charCodeAt(from + at);
    const small = code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
    if (small !== word.charCodeAt(at)) return false;
  }
  return true;
}

/** The value is the word, behind one space or none and on one line. */
function isPlainly(text: string, from: number, to: number, word: string): boolean {
  const start = text.charCodeAt(from) === 0x20 ? from + 1 : from;
  return endOfValue(text, to) - start === word.length && isWord(text, start, word);
}

/** The length that stands there as digits and nothing else, behind one space or none; −1 for anything else. */
function plainLength(text: string, from: number, to: number): number {
  const start = text.charCodeAt(from) === 0x20 ? from + 1 : from;
  const end = endOfValue(text, to);
  if (end === start || end - start > MAX_LENGTH_DIGITS) return -1;
  let length = 0;
  for (let at = start; at < end; at += 1) length = length * 10 + digitAt(text, at);
  return length >= 0 ? length : -1;
}

/** The CR before a line's end is none of the value's. */
const endOfValue = (text: string, to: number): number => (text.charCodeAt(to - 1) === 0x0d ? to - 1 : to);

/** More than any body, and less than a number loses count of. */
const MAX_LENGTH_DIGITS = 15;

/** The end of the field's last line: one that begins with white space goes on with it. */
function endOfField(text: string, from: number): number {
  let end = endOfLine(text, from);
  while (isBlank(text.charCodeAt(end + 1))) end = endOfLine(text, end + 1);
  return end;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;

/** A folded value is one line: each fold becomes a space. */
const unfolded = (raw: string): string =>
  (raw.includes("\n") ? raw.replace(/\r?\n[ \t]+/g, " ") : raw).trim();

/** Characters that a name is made of (RFC 9110, 5.6.2). */
const IS_NAME: readonly boolean[] = Array.from({ length: 256 }, (_, code) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)),
);

/** Where the colon stands behind a name that begins at `at`. */
function endOfName(text: string, at: number): number {
  let end = at;
  while (IS_NAME[text.charCodeAt(end)] === true) end += 1;
  if (end === at || text.charCodeAt(end) !== 0x3a) throw malformed("a line of its head is no field");
  return end;
}

/** Several lengths, in one field or many, count when they are the same (RFC 9110, 8.6). */
function lengthOf(value: string, before: number | undefined): number {
  let length = before;
  for (const part of value.split(",")) {
    const digits = part.trim();
    const next = /^\d{1,15}$/.test(digits) ? Number(digits) : Number.NaN;
    if (!(next >= 0) || (length !== undefined && length !== next)) throw malformed("its length is unclear");
    length = next;
  }
  if (length === undefined) throw malformed("its length is unclear");
  return length;
}

const hasToken = (value: string, token: string): boolean =>
  value
    .toLowerCase()
    .split(",")
    .some((part) => part.trim() === token);

function patienceOf(value: string): number | undefined {
  const [, seconds] = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,6})/i.exec(value) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

export const malformed = (what: string): UpstreamError =>
  new UpstreamError("malformed_answer", `The answer cannot be read: ${what}.`);
