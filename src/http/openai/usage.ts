import { completionTokens, promptTokens, type Usage } from "../../core/usage.ts";

/** The usage object of OpenAI's chat and completions answers. */
export interface OpenAiUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

/** Usage in OpenAI's form: cached tokens are a part of the prompt, reasoning a part of the completion. */
export function toOpenAiUsage(usage: Usage): OpenAiUsage {
  const prompt = promptTokens(usage);
  const completion = completionTokens(usage);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: usage.cachedInput },
    completion_tokens_details: { reasoning_tokens: usage.reasoning },
  };
}
