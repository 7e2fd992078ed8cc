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
  const { audioInput, audioOutput } = usage;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInput,
      ...(audioInput === undefined ? {} : { audio_tokens: audioInput }),
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      ...(audioOutput === undefined ? {} : { audio_tokens: audioOutput }),
    },
  };
}
