/** Hexadecimal digits of a name: together with the prefix within the 40 characters that OpenAI takes. */
const DIGITS = 24;

/**
 * A name for a call that Gemini left without one. Made of what makes the call the one it is, so that reading the same
 * bytes again gives the same name.
 */
export function callId(parts: readonly (string | number)[]): string {
  const digest = new Bun.CryptoHasher("sha256").update(JSON.stringify(parts)).digest("hex");
  return `call_${digest.slice(0, DIGITS)}`;
}

const OURS = new RegExp(`^call_[0-9a-f]{${DIGITS}}$`);

/** The id of a call as it goes back to Gemini, which wants those that it gave; a name made here is none of them. */
export const vendorId = (id: unknown): string | undefined =>
  typeof id === "string" && id !== "" && !OURS.test(id) ? id : undefined;
