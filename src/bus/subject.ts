/** True when the dot-separated `pattern` covers the subject: `*` stands for one token, `>` for the rest (at least one). */
export function covers(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const tokens = subject.split(".");
  for (const [index, want] of wanted.entries()) {
    if (want === ">") return tokens.length > index;
    const token = tokens[index];
    if (token === undefined || (want !== "*" && want !== token)) return false;
  }
  return wanted.length === tokens.length;
}

export const hasWildcard = (pattern: string): boolean => /(?:^|\.)[*>](?:\.|$)/.test(pattern);

const ALLOWED = /^[\w$-]$/;

/** An id as one token of a subject: whatever separates or matches tokens, or is not ASCII, is written as `~hex~`. */
export function subjectToken(id: string): string {
  let token = "";
  for (const char of id) token += ALLOWED.test(char) ? char : `~${char.codePointAt(0)?.toString(16)}~`;
  return token === "" ? "~" : token;
}

/** The id that `subjectToken` made the token of. */
export function idOfSubjectToken(token: string): string {
  if (token === "~") return "";
  return token.replace(/~([0-9a-f]{1,6})~/g, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}
