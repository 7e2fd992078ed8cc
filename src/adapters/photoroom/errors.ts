import type { ErrorReport } from "../failure/error-body.ts";
import { BAD_CONTENT, BAD_KEY, MISCONFIGURED, type Verdict } from "../failure/verdict.ts";

const REFUSED_CONTENT = /moderation|nsfw|inappropriate|content polic|safety|prohibited/i;
/** Account calls without a key answer 400 `apiKey: Required`. */
const NO_KEY = /\bapi[_ -]?key\b/i;

/**
 * Photoroom has no codes: the status says what it is, and the words a little more. 402 (no images left) and 403 (wrong key;
 * there is no 401) are the key's; 429 is the account's.
 */
export function classify({ status, message }: ErrorReport): Verdict | undefined {
  if (status === 402 || status === 403) return BAD_KEY;
  if (status === 404) return MISCONFIGURED;
  if (status === 400 && NO_KEY.test(message)) return BAD_KEY;
  if (status === 400 && REFUSED_CONTENT.test(message)) return BAD_CONTENT;
  return undefined;
}
