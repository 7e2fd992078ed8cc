import type { JsonObject } from "../../core/generation.ts";
import { isObject } from "../json.ts";
import type { RequestDraft } from "../openai-family/request-draft.ts";

/** Tells that a part of a field was given up. */
export type Note = (part: string) => void;

const HOUR = "1h";
const FIVE_MINUTES = "5m";

/** A client's `cache_control`, which marks where the prompt's cached part ends; nothing when there is none. */
export function cacheControlIn(holder: JsonObject, note: Note): JsonObject {
  const wanted = holder.cache_control;
  if (!isObject(wanted) || wanted.type !== "ephemeral") return {};
  if (wanted.ttl === HOUR) return { cache_control: { type: "ephemeral", ttl: HOUR } };
  if (wanted.ttl !== undefined && wanted.ttl !== FIVE_MINUTES) note("cache_control.ttl");
  return { cache_control: { type: "ephemeral" } };
}

/**
 * Five minutes everywhere in a Messages body, and told: an hour's cache costs more to write than a candidate's
 * `cacheWrite` price says, so that it is not asked for where the price does not name it.
 */
export function shortenCaches(draft: RequestDraft): void {
  for (const field of ["cache_control", "system", "tools", "messages"]) {
    const given = draft.get(field);
    const short = field === "cache_control" ? shortened(given, draft.note) : shortenedIn(given, draft.note);
    if (short !== given) draft.set(field, short);
  }
}

/** The client's own JSON, in which names mean nothing here. */
const OPAQUE = new Set(["input", "input_schema"]);

/** Wherever a block may stand: in messages, results of tools, and documents. The same value where nothing is to change. */
function shortenedIn(value: unknown, note: Note): unknown {
  if (Array.isArray(value)) {
    const parts = value.map((part: unknown) => shortenedIn(part, note));
    return parts.some((part, at) => part !== value[at]) ? parts : value;
  }
  if (!isObject(value)) return value;
  const changed = Object.entries(value).flatMap(([name, held]): readonly (readonly [string, unknown])[] => {
    if (OPAQUE.has(name)) return [];
    const short = name === "cache_control" ? shortened(held, note) : shortenedIn(held, note);
    return short === held ? [] : [[name, short]];
  });
  return changed.length === 0 ? value : { ...value, ...Object.fromEntries(changed) };
}

function shortened(wanted: unknown, note: Note): unknown {
  if (!isObject(wanted) || wanted.ttl === undefined || wanted.ttl === FIVE_MINUTES) return wanted;
  note("cache_control.ttl");
  const { ttl: _, ...short } = wanted;
  return short;
}
