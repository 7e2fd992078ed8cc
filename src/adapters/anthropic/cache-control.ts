import type { JsonObject } from "../../core/generation.ts";
import { isObject } from "../json.ts";

/** Tells that a part of a field was given up. */
export type Note = (part: string) => void;

/**
 * A client's `cache_control`, which marks where the prompt's cached part ends; nothing when there is none.
 * Always the five minutes' cache: an hour's costs more to write than a candidate's one `cacheWrite` price says.
 */
export function cacheControlIn(holder: JsonObject, note: Note): JsonObject {
  const wanted = holder.cache_control;
  if (!isObject(wanted) || wanted.type !== "ephemeral") return {};
  if (wanted.ttl !== undefined && wanted.ttl !== "5m") note("cache_control.ttl");
  return { cache_control: { type: "ephemeral" } };
}
