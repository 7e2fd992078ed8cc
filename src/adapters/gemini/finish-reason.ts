import type { FinishReason } from "../../core/generation.ts";

/**
 * Why a candidate ended, in OpenAI's words. `broken`: the model failed at its own tools, and another try or another
 * vendor may not. Undefined: it has not ended. A word that nobody knows is a normal stop.
 * @param hasCalls whether the candidate calls tools, which Gemini ends as any other
 */
export function finishReasonOf(
  raw: string | undefined,
  hasCalls: boolean,
): FinishReason | "broken" | undefined {
  switch (raw) {
    case undefined:
    case "FINISH_REASON_UNSPECIFIED":
      return undefined;
    case "MAX_TOKENS":
      return "length";
    case "SAFETY":
    case "RECITATION":
    case "BLOCKLIST":
    case "PROHIBITED_CONTENT":
    case "SPII":
    case "LANGUAGE":
    case "IMAGE_SAFETY":
    case "IMAGE_PROHIBITED_CONTENT":
    case "IMAGE_RECITATION":
      return "content_filter";
    case "MALFORMED_FUNCTION_CALL":
    case "UNEXPECTED_TOOL_CALL":
    case "TOO_MANY_TOOL_CALLS":
      return "broken";
    // `OTHER`, `NO_IMAGE` and `IMAGE_OTHER` say no more than that it ended.
    default:
      return hasCalls ? "tool_calls" : "stop";
  }
}
