/** Why a candidate ended, in Gemini's words. Calls of functions end it as words do. */
export function finishReasonHere(reason: string | null): string {
  switch (reason) {
    case "length":
      return "MAX_TOKENS";
    case "content_filter":
      return "SAFETY";
    default:
      return "STOP";
  }
}
