import type { JsonObject } from "../../core/generation.ts";
import type { ModelView } from "../../gateway/gateway.ts";
import { invalid } from "../../gateway/requests/fields.ts";

/** Anthropic's own bounds of a page. */
const MOST_IN_PAGE = 1_000;
const USUAL_PAGE = 20;

/** A model in the shape of Anthropic's list. @param createdAt epoch seconds */
export const anthropicModel = ({ id }: ModelView, createdAt: number): JsonObject => ({
  type: "model",
  id,
  display_name: id,
  created_at: new Date(createdAt * 1_000).toISOString(),
});

/**
 * A page of the models as Anthropic lists them: `?limit=&after_id=&before_id=`.
 * @throws SluiceError `invalid_request` for a parameter that cannot be read
 */
export function anthropicModels(
  all: readonly ModelView[],
  query: URLSearchParams,
  createdAt: number,
): JsonObject {
  const limit = limitIn(query);
  const models = all.filter(({ operations }) => operations.includes("chat"));
  const ids = models.map(({ id }) => id);
  const before = placeOf(ids, query, "before_id");
  const after = placeOf(ids, query, "after_id");
  // Before a model: the last page that ends there.
  const end = before ?? ids.length;
  const start = before === undefined ? (after ?? -1) + 1 : Math.max(0, before - limit);
  const page = models.slice(start, Math.min(end, start + limit));
  const hasMore = before === undefined ? start + page.length < ids.length : start > 0;
  return {
    data: page.map((model) => anthropicModel(model, createdAt)),
    has_more: hasMore,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

function limitIn(query: URLSearchParams): number {
  const text = query.get("limit");
  if (text === null) return USUAL_PAGE;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MOST_IN_PAGE)
    throw invalid("limit", `must be an integer from 1 to ${MOST_IN_PAGE}`);
  return limit;
}

function placeOf(ids: readonly string[], query: URLSearchParams, param: string): number | undefined {
  const id = query.get(param);
  if (id === null) return undefined;
  const place = ids.indexOf(id);
  if (place < 0) throw invalid(param, "there is no such model");
  return place;
}
