/** The likely count behind an estimate for the hold, for when a vendor never told its usage. */
export function likelyPromptTokens(promptTokensHeld: number): number {
  return Math.ceil(promptTokensHeld / 2);
}
