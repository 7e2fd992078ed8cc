/**
 * Reads HTTP/1.1 answers off a socket with as little work as there can be, so that the generator costs less
 * than what it measures: status, framing, the last bytes; the text only when it is asked for.
 */
export interface ResponseReader {
  /** True when the answer is whole. */
  push(bytes: Buffer): boolean;
  readonly status: number;
  /** True once a byte of the body was seen. */
  readonly hasBody: boolean;
  /** The end of the body, for its end marker. */
  readonly tail: string;
  /** The whole body, where `keepsText`. */
  readonly text: string;
  next(keepsText: boolean): void;
}

const TAIL_BYTES = 24;
const NEW_LINE = 10;
const CARRIAGE_RETURN = 13;

export function createResponseReader(): ResponseReader {
  let head = "";
  let isInBody = false;
  let isChunked = false;
  let left = 0;
  let sizeLine = "";
  let isLastChunk = false;
  let keepsText = false;
  const reader = { status: 0, hasBody: false, tail: "", text: "", push, next };
  return reader;

  function next(keeps: boolean): void {
    head = "";
    isInBody = false;
    left = 0;
    sizeLine = "";
    isLastChunk = false;
    keepsText = keeps;
    reader.status = 0;
    reader.hasBody = false;
    reader.tail = "";
    reader.text = "";
  }

  function push(bytes: Buffer): boolean {
    let at = 0;
    if (!isInBody) {
      const before = head.length;
      head += bytes.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return false;
      at = end + 4 - before;
      readHead(head.slice(0, end));
    }
    return isChunked ? readChunks(bytes, at) : readSized(bytes, at);
  }

  function readHead(text: string): void {
    isInBody = true;
    reader.status = Number(text.slice(9, 12));
    isChunked = /\r\ntransfer-encoding:\s*chunked/i.test(text);
    left = isChunked ? 0 : Number(/\r\ncontent-length:\s*(\d+)/i.exec(text)?.[1] ?? 0);
  }

  function readSized(bytes: Buffer, at: number): boolean {
    if (at < bytes.length) body(bytes, at, bytes.length);
    left -= bytes.length - at;
    return left <= 0;
  }

  function readChunks(bytes: Buffer, start: number): boolean {
    let at = start;
    while (at < bytes.length) {
      if (left > 0) {
        const end = Math.min(bytes.length, at + left);
        body(bytes, at, end);
        left -= end - at;
        at = end;
        continue;
      }
      const code = bytes[at] ?? 0;
      at += 1;
      if (code === CARRIAGE_RETURN) continue;
      if (code !== NEW_LINE) {
        sizeLine += String.fromCharCode(code);
        continue;
      }
      if (sizeLine === "") {
        if (isLastChunk) return true;
        continue;
      }
      left = Number.parseInt(sizeLine, 16);
      isLastChunk = left === 0;
      sizeLine = "";
    }
    return false;
  }

  function body(bytes: Buffer, start: number, end: number): void {
    reader.hasBody = true;
    const from = Math.max(start, end - TAIL_BYTES);
    const last = bytes.toString("latin1", from, end);
    reader.tail = from > start ? last : (reader.tail + last).slice(-TAIL_BYTES);
    if (keepsText) reader.text += bytes.toString("latin1", start, end);
  }
}
