import type { Micropoints } from "../../core/points.ts";
import type { Started } from "../../gateway/gateway.ts";
import { headerList } from "../header-text.ts";
import { generationHeaders } from "../openai/headers.ts";
import { wordHere } from "./words.ts";

/**
 * What every answer says about itself.
 * @param lost what the chat left out, which is only lost where no vendor of the dialect serves
 */
export function contentHeaders(
  started: Started,
  lost: readonly string[],
  cost?: Micropoints,
): Record<string, string> {
  const headers = generationHeaders(started, cost);
  const { dropped = [], dialect } = started;
  const names = dialect === undefined ? [...lost, ...dropped.map(wordHere)] : dropped;
  if (names.length > 0) headers["x-sluice-dropped"] = headerList([...new Set(names)]);
  return headers;
}
