/** Why an answer ended, in Anthropic's words. Which stop sequence it was no other vendor tells. */
export function stopReasonOf(finishReason: string | null): string {
  switch (finishReason) {
    case "length":
      return "max_tokens";
    case "tool_calls":
    case "function_call":
      return "tool_use";
    case "content_filter":
      return "refusal";
    default:
      return "end_turn";
  }
}
