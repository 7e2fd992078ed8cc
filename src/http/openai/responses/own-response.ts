import type { JsonObject } from "../../../core/generation.ts";
import { objectIn } from "./chat-pieces.ts";
import { type ResponseAbout, responseIdOf, shownTo } from "./response-object.ts";
import { spliced } from "./spliced-json.ts";

/** Members of a vendor's own response that are told as they are here: it is kept by this id, and asked for as a whole. */
export interface Names {
  readonly id: string;
  readonly previous_response_id: string | null;
  readonly store: boolean;
}

/** @param store whether it is kept here; nothing is kept at the vendor */
export const shownNames = ({ requestId, request }: ResponseAbout, store: boolean): Names => ({
  id: responseIdOf(requestId),
  previous_response_id: request.previous ?? null,
  store,
});

/**
 * A vendor's own response as its client is shown it: the vendor's text but for those members, and without what nobody
 * asked to see.
 * @param json holds the response, as its member `inside` where that is said
 */
export function shownText(
  { request }: ResponseAbout,
  json: string,
  response: JsonObject,
  names: Names,
  inside?: string,
): string {
  const shown = shownTo(request.include, response);
  if (!isLess(shown, response)) {
    const { id, previous_response_id, store } = names;
    const changes = { id, previous_response_id, store };
    return spliced(
      json,
      Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, JSON.stringify(value)])),
      inside,
    );
  }
  const whole = { ...shown, ...names };
  const holder = inside === undefined ? undefined : objectIn(JSON.parse(json));
  return JSON.stringify(
    holder === undefined || inside === undefined ? whole : { ...holder, [inside]: whole },
  );
}

function isLess({ output: shown }: JsonObject, { output }: JsonObject): boolean {
  if (!Array.isArray(shown) || !Array.isArray(output)) return false;
  return shown.some(
    (item: unknown, at) =>
      Object.keys(objectIn(item) ?? {}).length < Object.keys(objectIn(output[at]) ?? {}).length,
  );
}
