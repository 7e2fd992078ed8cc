/** What the sandbox says: the same for the same prompt, in pieces that count as one token each. */

const VOCABULARY =
  "water flows where the gate is open and each drop is counted once so that nobody pays for what never ran while the river keeps its own time and the mill turns at the pace of its wheel".split(
    " ",
  );

/** FNV-1a, 32 bits: spreads texts over numbers, nothing more. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** Splits a text into tokens: a word with the space before it, long words in pieces. */
export const tokensOf = (text: string): string[] => text.match(/\s*[^\s]{1,8}|\s+/gu) ?? [];

/** `count` filler tokens, different for each seed. */
export function fillerTokens(seed: number, count: number): string[] {
  const tokens: string[] = [];
  for (let at = 0; at < count; at += 1) {
    const word =
      VOCABULARY[(seed + at * 7 + Math.floor(at / VOCABULARY.length)) % VOCABULARY.length] ?? "drop";
    tokens.push(` ${word}`);
  }
  return tokens;
}

/** `w1`, ` w2`, ` w3`, … */
export const numberedTokens = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${at === 0 ? "" : " "}w${at + 1}`);

/** How many tokens the sandbox counts for a text of a prompt. */
export const promptTokensOf = (text: string): number => Math.ceil(Buffer.byteLength(text) / 4);
