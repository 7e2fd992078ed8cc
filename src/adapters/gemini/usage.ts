import type { JsonObject } from "../../core/generation.ts";
import { completionTokens, isPlausible, NO_USAGE, promptTokens, type Usage } from "../../core/usage.ts";
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
  const media = mediaInput(raw, prompt - cachedInput);
  const made = mediaOutput(raw);
  const usage: Usage = {
    ...NO_USAGE,
    input: prompt - cachedInput - sum(media) + (numberOf(raw.toolUsePromptTokenCount) ?? 0),
    cachedInput,
    ...media,
    output: (numberOf(raw.candidatesTokenCount) ?? 0) - sum(made),
    reasoning: numberOf(raw.thoughtsTokenCount) ?? 0,
    ...made,
  };
  if (!isPlausible(usage)) return undefined;
  return promptTokens(usage) + completionTokens(usage) === 0 ? undefined : usage;
}

/**
 * Sound and pictures that were not read from the cache. Where the cache's kinds are not told, it is taken to have held
 * text first: media are the dearer ones.
 */
function mediaInput(raw: JsonObject, uncached: number): Pick<Usage, "audioInput" | "imageInput"> {
  const told = (modality: string): number =>
    Math.max(0, tokensOf(raw.promptTokensDetails, modality) - tokensOf(raw.cacheTokensDetails, modality));
  const audioInput = Math.min(told("AUDIO"), Math.max(0, uncached));
  const imageInput = Math.min(told("IMAGE"), Math.max(0, uncached - audioInput));
  return { ...(audioInput > 0 ? { audioInput } : {}), ...(imageInput > 0 ? { imageInput } : {}) };
}

function mediaOutput(raw: JsonObject): Pick<Usage, "audioOutput" | "imageOutput"> {
  const audioOutput = tokensOf(raw.candidatesTokensDetails, "AUDIO");
  const imageOutput = tokensOf(raw.candidatesTokensDetails, "IMAGE");
  return { ...(audioOutput > 0 ? { audioOutput } : {}), ...(imageOutput > 0 ? { imageOutput } : {}) };
}

const tokensOf = (details: unknown, modality: string): number =>
  listOf(details).reduce<number>(
    (total, one) =>
      total + (isObject(one) && one.modality === modality ? (numberOf(one.tokenCount) ?? 0) : 0),
    0,
  );

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);
