import type { Answer, Told } from "./wires/wire.ts";

/** What the vendors of the wall say, and what they count for it. */

/** A token each: of letters of one to four bytes, so that a cut can go through any of them. */
export const WORDS = ["ab", " cd", " 水", " 🌊", " ef", " gh"] as const;

/** A call's name and the pieces of its arguments: a token each. */
export const CALL = ['{"a"', ":12,", '"b":', "3}"] as const;

/** What the vendor counts: nothing that an estimate could hit by chance. */
export const TOLD = { prompt: 1_234, completion: 77 } as const satisfies Told;

/** What the second vendor says and counts. */
export const SECOND_WORDS = [" so", " on", " so", " on."] as const;
export const SECOND_TOLD = { prompt: 43, completion: 21 } as const satisfies Told;
export const SECOND: Answer = { words: SECOND_WORDS, usage: [SECOND_TOLD] };

/** Points for a million tokens: so many micropoints for one. */
export const PRICE = { input: 2, output: 8 } as const;

export const textOf = (words: readonly string[]): string => words.join("");
