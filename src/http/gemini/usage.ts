import { promptTokens, type Usage } from "../../core/usage.ts";

/** `usageMetadata` of Gemini's answers: the prompt includes what came from the cache, thoughts stand beside the candidates. */
export interface GeminiUsage {
  readonly promptTokenCount: number;
  readonly candidatesTokenCount: number;
  readonly totalTokenCount: number;
  /** Left out where there are none, as Gemini does. */
  readonly cachedContentTokenCount?: number;
  readonly thoughtsTokenCount?: number;
}

/** Thoughts are no part of the candidates, and part of the total. */
export function toGeminiUsage(usage: Usage): GeminiUsage {
  const prompt = promptTokens(usage);
  const candidates = usage.output + (usage.audioOutput ?? 0) + (usage.imageOutput ?? 0);
  return {
    promptTokenCount: prompt,
    candidatesTokenCount: candidates,
    totalTokenCount: prompt + candidates + usage.reasoning,
    ...(usage.cachedInput === 0 ? {} : { cachedContentTokenCount: usage.cachedInput }),
    ...(usage.reasoning === 0 ? {} : { thoughtsTokenCount: usage.reasoning }),
  };
}
