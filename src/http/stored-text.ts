import { SluiceError } from "../core/errors.ts";

/** True when the ledger can keep the text as it is: Postgres has no NUL, and UTF-8 no half of a surrogate pair. */
export const isStorable = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

/**
 * A part of the path. Elysia's types promise a text; it is null where the percent-encoding is broken.
 * Undefined when nothing can be called so.
 */
export const pathPart = (part: string | null | undefined): string | undefined =>
  typeof part === "string" && part !== "" && isStorable(part) ? part : undefined;

/**
 * The parameters behind a path's `?`.
 * @throws SluiceError `invalid_request` when one holds what the ledger cannot be asked for
 */
export function queryOf(url: string): URLSearchParams {
  const query = new URL(url).searchParams;
  for (const [param, value] of query) {
    if (isStorable(value)) continue;
    throw new SluiceError("invalid_request", "Invalid query: must not hold the character NUL.", { param });
  }
  return query;
}
