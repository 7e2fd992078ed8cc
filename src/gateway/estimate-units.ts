import type { Adapter, Delivered } from "../adapters/adapter.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { likelyPromptTokens } from "../core/likely-tokens.ts";
import { NO_USAGE, type Usage } from "../core/usage.ts";
import { likelyOutputTokens } from "./requests/prompt-tokens.ts";

/** OpenAI's tokens of sound: 50 ms of what is made, 100 ms of what is heard. */
const MADE_TOKENS_A_SECOND = 20;
export const HEARD_TOKENS_A_SECOND = 10;
/** Bytes of text that are spoken in a second, in any language: 15 letters, or 4.5 signs of Chinese. */
const SPOKEN_BYTES_A_SECOND = 14;

/** So many times what was held for at most is no mistake of an estimate any more. */
const BEYOND = 4;
/** Tokens that vendors add of their own. */
const OWN_TOKENS = 1_000;

/** Whether a vendor counts more than there can be of what it was sent: it would empty a balance. */
export function isBeyondReason(
  { sound, characters, promptTokens, operation, maxOutputTokens }: GenerationRequest,
  told: Usage,
): boolean {
  const read = told.input + told.cachedInput + told.cacheWrite + (told.audioInput ?? 0);
  if (read > BEYOND * promptTokens + OWN_TOKENS) return true;
  if ((told.characters ?? 0) > BEYOND * (characters ?? 0)) return true;
  if (sound !== undefined) return told.seconds > BEYOND * sound.mostSeconds;
  const made = told.output + (told.audioOutput ?? 0);
  return operation === "speech" && made > BEYOND * (maxOutputTokens ?? 0) + OWN_TOKENS;
}

/** What needs no vendor to be counted. */
export const countedHere = ({ characters }: GenerationRequest): Pick<Usage, "characters"> =>
  characters === undefined ? {} : { characters };

/** Characters to be read aloud, as the vendor bills them; undefined: nothing is read. */
export function charactersAt(
  { characters, body }: GenerationRequest,
  { countCharacters }: Adapter,
): number | undefined {
  if (characters === undefined || countCharacters === undefined || typeof body.input !== "string")
    return characters;
  return countCharacters(body.input);
}

/** The likely usage of a request that writes no text, or a transcript. */
export function estimateUnits(request: GenerationRequest, delivered: Delivered): Usage {
  const { operation, sound, body, promptTokens } = request;
  if (operation === "speech") {
    const bytes = typeof body.input === "string" ? Buffer.byteLength(body.input) : 0;
    const seconds = Math.ceil(bytes / SPOKEN_BYTES_A_SECOND);
    return {
      ...NO_USAGE,
      input: likelyPromptTokens(promptTokens),
      audioOutput: seconds * MADE_TOKENS_A_SECOND,
    };
  }
  if (sound !== undefined) {
    const { likelySeconds: seconds } = sound;
    const output = likelyOutputTokens(delivered.frames, delivered.chars);
    return { ...NO_USAGE, seconds, audioInput: seconds * HEARD_TOKENS_A_SECOND, output };
  }
  return { ...NO_USAGE, input: likelyPromptTokens(promptTokens) };
}
