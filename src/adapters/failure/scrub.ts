import { MAX_MESSAGE_CHARS } from "../../core/limits.ts";

const MASK = "***";

/** The shortest run of the secret that counts as a leak by itself. */
const PIECE_CHARS = 8;

/** What keys of vendors look like, whole or with their middle already starred or dotted out. */
const KEY_SHAPES: readonly RegExp[] = [
  /\b(?:sk|rk|pk|ak|ek|key|api|gsk|xai)[-_][\w*.…•-]{3,}/gi,
  /\bBearer\s+[^\s"',;]{4,}/gi,
  /\bAIza[\w*.…•-]{6,}/g,
  /\b(?:AKLT|LTAI|AKIA)[\w*.…•-]{6,}/g,
  /\beyJ[\w-]{6,}(?:\.[\w-]+)*/g,
  // `ab12****wxyz`: somebody masked it, so it was a secret.
  /[\w-]{2,}[*•]{3,}[\w-]*/g,
  /[*•]{3,}[\w-]+/g,
];

/**
 * A vendor's words as a client may see them: without the key, any piece of it, or anything that looks like
 * one; on one line; at most MAX_MESSAGE_CHARS long.
 */
export function scrub(text: string, secret: string): string {
  // Cut first with room to spare, so that a page of HTML is not searched through; then cut to the bound.
  let clean = text
    .slice(0, MAX_MESSAGE_CHARS * 4)
    .replace(/\s+/g, " ")
    .trim();
  // A masked key goes as a whole: without its longer piece its end would no longer be known for one.
  clean = withoutMaskedEcho(clean, secret);
  clean = withoutPieces(clean, secret);
  for (const shape of KEY_SHAPES) clean = clean.replace(shape, MASK);
  return clean.length > MAX_MESSAGE_CHARS ? `${clean.slice(0, MAX_MESSAGE_CHARS - 1)}…` : clean;
}

/** Takes out every run of at least PIECE_CHARS characters (or the whole secret, if shorter) that the text shares with the secret. */
function withoutPieces(text: string, secret: string): string {
  const size = Math.min(PIECE_CHARS, secret.length);
  if (size < 4) return text;
  const pieces = new Set<string>();
  for (let at = 0; at + size <= secret.length; at += 1) pieces.add(secret.slice(at, at + size));
  let clean = "";
  let keptFrom = 0;
  for (let at = 0; at + size <= text.length; ) {
    if (!pieces.has(text.slice(at, at + size))) {
      at += 1;
      continue;
    }
    let end = at + size;
    while (end < text.length && pieces.has(text.slice(end - size + 1, end + 1))) end += 1;
    clean += text.slice(keptFrom, at) + MASK;
    keptFrom = end;
    at = end;
  }
  return clean + text.slice(keptFrom);
}

/** `abc…wxyz`, `ending in wxyz`: the first or last few characters of the secret beside a mask or named as its end. */
function withoutMaskedEcho(text: string, secret: string): string {
  if (secret.length < PIECE_CHARS) return text;
  const head = escaped(secret.slice(0, 3));
  const tail = escaped(secret.slice(-3));
  return text
    .replace(new RegExp(`${head}[\\w-]*(?:\\*+|\\.{2,}|…|•+|x{3,})[\\w*.…•-]*`, "gi"), MASK)
    .replace(new RegExp(`(end(?:s|ing) (?:in|with) )\\S*${tail}`, "gi"), `$1${MASK}`);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
