import { completionTokens, promptTokens, type Usage } from "../../core/usage.ts";

/** The usage object of OpenAI's chat and completions answers. */
export interface OpenAiUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number; readonly audio_tokens?: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number; readonly audio_tokens?: number };
}

/** Usage in OpenAI's form: cached tokens are a part of the prompt, reasoning a part of the completion. */
export function toOpenAiUsage(usage: Usage): OpenAiUsage {
  const prompt = promptTokens(usage);
  const completion = completionTokens(usage);
  const { cachedInput, reasoning, audioInput, audioOutput } = usage;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details:
      audioInput === undefined
        ? { cached_tokens: cachedInput }
        : { cached_tokens: cachedInput, audio_tokens: audioInput },
    completion_tokens_details:
      audioOutput === undefined
        ? { reasoning_tokens: reasoning }
        : { reasoning_tokens: reasoning, audio_tokens: audioOutput },
  };
}
