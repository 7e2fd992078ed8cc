import { completionTokens, promptTokens, type Usage } from "../../core/usage.ts";

/** The usage object of Anthropic's messages: its classes of input are disjoint. */
export interface AnthropicUsage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  /** Thinking included. */
  readonly output_tokens: number;
}

/** Both lives of a cache are written as one class; thoughts are output. */
export function toAnthropicUsage(usage: Usage): AnthropicUsage {
  const written = usage.cacheWrite + (usage.cacheWriteLong ?? 0);
  return {
    input_tokens: promptTokens(usage) - written - usage.cachedInput,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: usage.cachedInput,
    output_tokens: completionTokens(usage),
  };
}
