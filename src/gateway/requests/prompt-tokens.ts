import { IMAGE_TOKENS } from "../../core/limits.ts";

/**
 * Prompt tokens for the hold, estimated high. Tokenizers of the served vendors stay above two bytes a token
 * on anything people write (English about 4.5, code 3, Chinese 3); hand-made worst cases can exceed it, and
 * what a vendor then counts beyond the hold is settled as such.
 */
export function promptTokensForHold(textBytes: number, images = 0): number {
  return Math.ceil(Math.max(textBytes, 0) / 2) + images * IMAGE_TOKENS;
}

/** Output tokens out of characters and content frames: vendors send about one token a frame, 4 characters each. */
export function likelyOutputTokens(frames: number, chars: number): number {
  return Math.max(frames, Math.ceil(chars / 4));
}
