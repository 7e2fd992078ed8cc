import type { FinishReason } from "../../core/generation.ts";

/** Why the model stopped, in OpenAI's words. One that nobody knows is a normal stop. */
export function finishReasonOf(raw: string): FinishReason {
  switch (raw) {
    case "max_tokens":
    case "model_context_window_exceeded":
      return "length";
    case "tool_use":
      return "tool_calls";
    case "refusal":
      return "content_filter";
    // `pause_turn` and `compaction` belong to tools that Anthropic runs itself; none is ever asked for.
    case "end_turn":
    case "stop_sequence":
    case "pause_turn":
    case "compaction":
      return "stop";
    default:
      return "stop";
  }
}
