import { invalid } from "../gateway/requests/fields.ts";
import { queryOf } from "./stored-text.ts";

/** Which part of a list is asked for, as OpenAI's lists have it. */
export interface WantedPage {
  readonly limit: number;
  /** The last one of the page before. */
  readonly after: string | undefined;
  readonly query: URLSearchParams;
}

/** @throws SluiceError `invalid_request` */
export function wantedPage(url: string, { usual, most }: { usual: number; most: number }): WantedPage {
  const query = queryOf(url);
  const limit = Number(query.get("limit") ?? usual);
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    throw invalid("limit", `must be an integer from 1 to ${most}`);
  }
  return { limit, after: query.get("after") ?? undefined, query };
}

/** A page as it is answered. `found` may hold one more than was asked for, which says that there is more. */
export async function listPage<Item extends { readonly id: string }>(
  found: readonly Item[],
  limit: number,
  shown: (items: readonly Item[]) => Promise<readonly object[]> | readonly object[],
): Promise<Response> {
  const page = found.slice(0, limit);
  return Response.json({
    object: "list",
    data: await shown(page),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: found.length > limit,
  });
}
