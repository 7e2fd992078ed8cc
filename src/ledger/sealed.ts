import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Random } from "../core/random.ts";

/** Secrets at rest: readable only with a key that is not where they are kept. */
export interface Seal {
  /** `context` says what it is sealed for (a vendor's id): it opens for nothing else. */
  seal(text: string, context: string): Uint8Array;
  /** Throws when it was sealed with another key or for another context, or was changed. */
  open(sealed: Uint8Array, context: string): string;
  /** The same for bytes. */
  sealBytes(bytes: Uint8Array, context: string): Uint8Array;
  openBytes(sealed: Uint8Array, context: string): Uint8Array;
}

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM; the result is nonce, tag, ciphertext.
 * @param key 32 bytes, derived for this purpose alone
 */
export function createSeal(key: Uint8Array, random: Random): Seal {
  const sealBytes = (bytes: Uint8Array, context: string): Uint8Array => {
    const nonce = random.bytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(context));
    const body = Buffer.concat([cipher.update(bytes), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]);
  };
  const openBytes = (sealed: Uint8Array, context: string): Buffer => {
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(tag);
    const body = sealed.subarray(NONCE_BYTES + TAG_BYTES);
    return Buffer.concat([decipher.update(body), decipher.final()]);
  };
  return {
    sealBytes,
    openBytes,
    seal: (text, context) => sealBytes(Buffer.from(text), context),
    open: (sealed, context) => openBytes(sealed, context).toString("utf8"),
  };
}
