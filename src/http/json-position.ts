/** Where a text stops being JSON, both counted from 1; columns in UTF-16 units, as editors do. */
export interface JsonPosition {
  readonly line: number;
  readonly column: number;
}

/** Longest text that is looked through: what people write by hand is shorter. */
const MOST_CHARS = 256 * 1024;

/** RFC 8259; of the characters in a string it says: `%x20-21 / %x23-5B / %x5D-10FFFF`. */
const TOKEN =
  /[{}[\]:,]|"[ !#-[\]-\u{10ffff}]*(?:\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})[ !#-[\]-\u{10ffff}]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;
const SPACE = /[ \t\n\r]*/y;

/**
 * Where a text that the parser has refused is broken: at its first word that cannot stand there, or at its end.
 * Bun's parser does not tell. Undefined when it is not among the first 256 Ki characters.
 */
export function brokenAt(text: string): JsonPosition | undefined {
  const start = text.slice(0, MOST_CHARS);
  const offset = offsetOf(start);
  if (offset === undefined) return undefined;
  // What looks broken may have been cut: a string that ends later, or the first letters of a word.
  const isCut = start.length < text.length;
  if (isCut && (start[offset] === '"' || offset > MOST_CHARS - LONGEST_WORD)) return undefined;
  const before = start.slice(0, offset).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

const LONGEST_WORD = "false".length;

/** What can stand next; `first…` is what follows an opening bracket, which may be closed at once. */
type Wanted = "value" | "firstValue" | "name" | "firstName" | "colon" | "more";

function offsetOf(text: string): number | undefined {
  const open: ("{" | "[")[] = [];
  let wanted: Wanted = "value";
  for (let at = past(SPACE, text, 0); ; at = past(SPACE, text, at)) {
    if (at === text.length) return wanted === "more" && open.length === 0 ? undefined : at;
    const end = past(TOKEN, text, at);
    const next: Wanted | undefined = end === at ? undefined : follow(wanted, text.charAt(at), open);
    if (next === undefined) return at;
    wanted = next;
    at = end;
  }
}

/** The end of what `pattern` finds at `at`, or `at` itself. */
function past(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** What can follow a token that begins with `sign`; undefined when the token itself cannot stand here. */
function follow(wanted: Wanted, sign: string, open: ("{" | "[")[]): Wanted | undefined {
  const inside = open.at(-1);
  const mayEnd = wanted === "more" || wanted === "firstValue" || wanted === "firstName";
  switch (sign) {
    case "{":
    case "[":
      if (wanted !== "value" && wanted !== "firstValue") return undefined;
      open.push(sign);
      return sign === "{" ? "firstName" : "firstValue";
    case "}":
    case "]":
      if (!mayEnd || inside !== (sign === "}" ? "{" : "[")) return undefined;
      open.pop();
      return "more";
    case ":":
      return wanted === "colon" ? "value" : undefined;
    case ",":
      if (wanted !== "more" || inside === undefined) return undefined;
      return inside === "{" ? "name" : "value";
    default:
      if (wanted === "value" || wanted === "firstValue") return "more";
      return sign === '"' && (wanted === "name" || wanted === "firstName") ? "colon" : undefined;
  }
}
