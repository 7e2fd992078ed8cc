import type { AnswerHead } from "../answer-head.ts";
import { AnswerParser } from "../answer-parser.ts";
import { UpstreamError } from "../upstream-error.ts";

/** What a parser made of one answer. */
export interface Parsed {
  readonly status: number | undefined;
  readonly body: string;
  /** `over`, `open` (more is waited for, or the end of the connection), or the code of the error. */
  readonly end: string;
  /** What came behind the answer, if it is over. */
  readonly left: string;
}

/** Reads one answer out of pieces. The parser gets copies: it moves chunked bodies together in place. */
export function parse(pieces: readonly Uint8Array[]): Parsed {
  const parser = new AnswerParser();
  let status: number | undefined;
  let body = "";
  let left = "";
  parser.begin({
    head: (head: AnswerHead) => {
      status = head.status;
    },
    body: (bytes) => {
      body += Buffer.from(bytes).toString("latin1");
    },
  });
  try {
    for (const piece of pieces) {
      const bytes = Buffer.from(piece);
      const taken = parser.isReading ? parser.push(bytes) : 0;
      if (!parser.isReading) left += bytes.toString("latin1", taken);
    }
  } catch (thrown) {
    if (!(thrown instanceof UpstreamError)) throw thrown;
    return { status, body, end: thrown.code, left };
  }
  return { status, body, end: parser.isReading ? "open" : "over", left };
}

export const parseText = (text: string): Parsed => parse([Buffer.from(text, "latin1")]);
