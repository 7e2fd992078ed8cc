import { createHmac, timingSafeEqual } from "node:crypto";
import type { MediaId } from "../core/ids.ts";

/** Signed links: who has one may see what it names until it expires, and needs no key. */
export interface Links {
  /** @param expiresAt epoch milliseconds; links count in whole seconds, rounded down */
  sign(base: string, id: MediaId, expiresAt: number): string;
  /** Whether a link was signed here, and until when it opens. It may have expired. */
  verify(id: MediaId, expires: string, signature: string): { readonly expiresAt: number } | undefined;
}

const MEDIA_PATH = "/v1/media";

/** @param key 32 bytes, derived for this purpose alone */
export function createLinks(key: Uint8Array, publicUrl: string | undefined): Links {
  const signatureOf = (id: MediaId, expires: string): Buffer =>
    createHmac("sha256", key).update(`${id}\n${expires}`).digest();
  return {
    sign(base, id, expiresAt) {
      const expires = String(Math.floor(expiresAt / 1_000));
      const signature = signatureOf(id, expires).toString("base64url");
      return `${publicUrl ?? base}${MEDIA_PATH}/${id}?expires=${expires}&signature=${signature}`;
    },
    verify(id, expires, signature) {
      if (!/^\d{1,12}$/.test(expires)) return undefined;
      const given = Buffer.from(signature, "base64url");
      const right = signatureOf(id, expires);
      const isRight = given.length === right.length && timingSafeEqual(given, right);
      return isRight ? { expiresAt: Number(expires) * 1_000 } : undefined;
    },
  };
}
