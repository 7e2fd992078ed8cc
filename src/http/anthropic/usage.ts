import type { Usage } from "../../core/usage.ts";

/** The usage object of Anthropic's messages: its classes of input are disjoint. */
export interface AnthropicUsage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  /** Thinking included. */
  readonly output_tokens: number;
}

export const toAnthropicUsage = (usage: Usage): AnthropicUsage => ({
  input_tokens: usage.input,
  cache_creation_input_tokens: usage.cacheWrite,
  cache_read_input_tokens: usage.cachedInput,
  output_tokens: usage.output + usage.reasoning,
});
