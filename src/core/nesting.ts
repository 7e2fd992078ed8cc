import { JSON_LEVELS, JSON_VALUES } from "./limits.ts";

/**
 * Shorter texts are not looked at: parsed and written out again they cost next to nothing, however deep they are (the
 * stack ends at some 30,000 levels, and what comes near to it takes seconds).
 */
const LOOKED_AT_BYTES = 8 * 1024;

/** The bytes that count: all others are neither looked at nor understood. */
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What makes a value more than anybody can mean by it, in words that go on after "is"; undefined: nothing. */
export type Excess = string | undefined;

export const TOO_DEEP = `nested deeper than ${JSON_LEVELS} levels`;
export const TOO_MANY = `made of more than ${JSON_VALUES} values`;

/**
 * What of a JSON text would hold up everybody who waits while it is parsed or written out. One pass that ends at the first
 * too much; strings are stepped over. What is no JSON is for the parser to say: it gets no farther than this counts.
 * @param json UTF-8, in which none of these bytes is part of another sign
 */
export function excessOf(json: Uint8Array): Excess {
  const { length } = json;
  if (length <= LOOKED_AT_BYTES) return undefined;
  let depth = 0;
  let values = 1;
  for (let at = 0; at < length; at += 1) {
    switch (json[at]) {
      case QUOTE:
        at = endOfString(json, at + 1);
        break;
      case OPEN_LIST:
      case OPEN_OBJECT:
        depth += 1;
        values += 1;
        if (depth > JSON_LEVELS) return TOO_DEEP;
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        depth -= 1;
        break;
      case COMMA:
        values += 1;
        if (values > JSON_VALUES) return TOO_MANY;
        break;
    }
  }
  return undefined;
}

/** The same of a text. */
export const excessOfText = (json: string): Excess =>
  json.length <= LOOKED_AT_BYTES / MOST_BYTES_A_UNIT ? undefined : excessOf(Buffer.from(json));

/** Of a UTF-16 unit in UTF-8. */
const MOST_BYTES_A_UNIT = 3;

/**
 * Where the quote is that ends a string, or the text's end. The next quote is asked for; once one was escaped, others are
 * near (code, JSON in a text), and are stepped over a byte at a time: to ask for each costs more than to parse them.
 */
function endOfString(json: Uint8Array, start: number): number {
  const { length } = json;
  for (let from = start; ; ) {
    const quote = json.indexOf(QUOTE, from);
    if (quote === -1) return length;
    let first = quote;
    while (first > from && json[first - 1] === BACKSLASH) first -= 1;
    if ((quote - first) % 2 === 0) return quote;
    let at = quote + 1;
    for (const until = Math.min(at + STEPPED_BYTES, length); at < until; at += 1) {
      const byte = json[at];
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) at += 1;
    }
    from = at;
  }
}

/** As many as are walked through while a quote is asked for twice. */
const STEPPED_BYTES = 64;
