import type { JsonObject } from "../../core/generation.ts";
import { compact, completionTokens, isPlausible, promptTokens, type Usage } from "../../core/usage.ts";
import { isObject, listOf, numberOf } from "../json.ts";

/**
 * `usageMetadata` in the normal form. The prompt includes what came from the cache; the results of tools that Google
 * runs itself (`toolUsePromptTokenCount`) do not belong to it and are prompt all the same. Thoughts are counted beside
 * the candidates. Counts that are zero are left out. Of a stream the last one counts: each is the total so far.
 * Undefined when the prompt's count is missing, or one is negative, no whole number or contradicts another.
 */
export function usageOf(raw: JsonObject): Usage | undefined {
  const prompt = numberOf(raw.promptTokenCount);
  if (prompt === undefined) return undefined;
  const cachedInput = numberOf(raw.cachedContentTokenCount) ?? 0;
  const uncached = prompt - cachedInput;
  // Where the cache's kinds are not told, it is taken to have held text first: media are the dearer ones.
  const audioInput = Math.min(uncachedOf(raw, "AUDIO"), Math.max(0, uncached));
  const imageInput = Math.min(uncachedOf(raw, "IMAGE"), Math.max(0, uncached - audioInput));
  const audioOutput = Math.max(0, tokensOf(raw.candidatesTokensDetails, "AUDIO"));
  const imageOutput = Math.max(0, tokensOf(raw.candidatesTokensDetails, "IMAGE"));
  const text: Usage = {
    input: uncached - audioInput - imageInput + (numberOf(raw.toolUsePromptTokenCount) ?? 0),
    cachedInput,
    cacheWrite: 0,
    output: (numberOf(raw.candidatesTokenCount) ?? 0) - audioOutput - imageOutput,
    reasoning: numberOf(raw.thoughtsTokenCount) ?? 0,
    images: 0,
    seconds: 0,
  };
  const isOfText = audioInput + imageInput + audioOutput + imageOutput === 0;
  const usage = isOfText ? text : compact({ ...text, audioInput, imageInput, audioOutput, imageOutput });
  if (!isPlausible(usage)) return undefined;
  return promptTokens(usage) + completionTokens(usage) === 0 ? undefined : usage;
}

/** Sound or pictures of the prompt that were not read from the cache. */
const uncachedOf = (raw: JsonObject, modality: string): number =>
  Math.max(0, tokensOf(raw.promptTokensDetails, modality) - tokensOf(raw.cacheTokensDetails, modality));

function tokensOf(details: unknown, modality: string): number {
  let total = 0;
  for (const one of listOf(details)) {
    if (isObject(one) && one.modality === modality) total += numberOf(one.tokenCount) ?? 0;
  }
  return total;
}
