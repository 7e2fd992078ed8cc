import type { JsonObject } from "../../../core/generation.ts";
import { invalid } from "../../../gateway/requests/fields.ts";

/** An item of a list; every one has an id to go on from. */
export type ShownItem = JsonObject & { readonly id: string };

export interface ItemPage {
  readonly object: "list";
  readonly data: readonly ShownItem[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

/** What a response was asked, each item with an id: its own, else one by its place. */
export function shownInput(response: string, input: readonly JsonObject[]): readonly ShownItem[] {
  return input.map((item, index) => {
    const { id } = item;
    const content = typeof item.content === "string" ? { content: [textPart(item.role, item.content)] } : {};
    return {
      ...item,
      ...content,
      id: typeof id === "string" ? id : `${response.replace(/^resp_/, "in_")}_${index}`,
    };
  });
}

const textPart = (role: unknown, text: string): JsonObject =>
  role === "assistant" ? { type: "output_text", text, annotations: [] } : { type: "input_text", text };

const USUAL_LIMIT = 20;
const MOST = 100;

/**
 * A page of items as OpenAI's lists have it: `limit`, `order` (the last first unless `asc`) and `after`, an item's id.
 * @throws SluiceError `invalid_request` with the parameter in `param`
 */
export function itemPage(items: readonly ShownItem[], asked: URLSearchParams): ItemPage {
  const limit = limitIn(asked.get("limit"));
  const order = asked.get("order") ?? "desc";
  if (order !== "asc" && order !== "desc") throw invalid("order", "must be 'asc' or 'desc'");
  const ordered = order === "asc" ? items : items.toReversed();
  const begin = placeAfter(ordered, asked.get("after"));
  const data = ordered.slice(begin, begin + limit);
  return {
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: begin + limit < ordered.length,
  };
}

function limitIn(text: string | null): number {
  if (text === null) return USUAL_LIMIT;
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MOST) throw invalid("limit", `must be an integer from 1 to ${MOST}`);
  return limit;
}

function placeAfter(items: readonly ShownItem[], after: string | null): number {
  if (after === null) return 0;
  const place = items.findIndex(({ id }) => id === after);
  if (place < 0) throw invalid("after", "there is no such item");
  return place + 1;
}
