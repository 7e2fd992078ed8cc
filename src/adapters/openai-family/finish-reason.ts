import type { FinishReason } from "../../core/generation.ts";

/** OpenAI's own five, and what others call them. A word that nobody knows is a normal stop. */
export function finishReasonOf(raw: string): FinishReason {
  switch (raw) {
    case "stop":
    case "length":
    case "tool_calls":
    case "content_filter":
    case "function_call":
      return raw;
    case "max_tokens":
    case "max_length":
    case "model_length":
      return "length";
    case "tool_use":
    case "tool_call":
      return "tool_calls";
    case "safety":
    case "sensitive":
    case "refusal":
      return "content_filter";
    default:
      return "stop";
  }
}
