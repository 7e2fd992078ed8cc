import { createHmac } from "node:crypto";
import type { Random } from "../core/random.ts";

/** Signatures as Standard Webhooks 1.0 defines them, symmetric form: `v1,` and an HMAC-SHA256 in base64. */

const PREFIX = "whsec_";
/** What the specification lets a secret have, in bytes. */
const LEAST_BYTES = 24;
const MOST_BYTES = 64;

export const newSecret = (random: Random): string =>
  PREFIX + Buffer.from(random.bytes(32)).toString("base64");

/** `whsec_` and 24 to 64 bytes in base64. */
export function isSecret(text: string): boolean {
  if (!/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(text)) return false;
  const { length } = keyOf(text);
  return length >= LEAST_BYTES && length <= MOST_BYTES;
}

/**
 * The headers of one attempt. While a secret is being changed there are two signatures, and either will do.
 * @param at epoch milliseconds of the attempt
 */
export function signedHeaders(
  id: string,
  at: number,
  body: string,
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1_000));
  const signatureBy = (secret: string): string =>
    `v1,${createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": secrets.map(signatureBy).join(" "),
  };
}

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(PREFIX.length), "base64");
