import type { Started } from "../../gateway/gateway.ts";
import { headerList } from "../header-text.ts";
import { wordHere } from "./words.ts";

/**
 * What an answer says about itself beside Sluice's usual headers.
 * @param lost what the chat left out, which is only lost where no vendor of the dialect serves
 */
export function setContentHeaders(headers: Headers, started: Started, lost: readonly string[]): void {
  const { dropped = [], dialect } = started;
  const names = dialect === undefined ? [...lost, ...dropped.map(wordHere)] : dropped;
  if (names.length > 0) headers.set("x-sluice-dropped", headerList([...new Set(names)]));
}
