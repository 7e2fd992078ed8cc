import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf } from "../json.ts";
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
  const whole = shortened({ cache_control: draft.get("cache_control") }, draft.note);
  if (isObject(whole.cache_control)) draft.set("cache_control", whole.cache_control);
  for (const field of ["system", "tools", "messages"]) {
    const blocks = draft.get(field);
    if (Array.isArray(blocks)) draft.set(field, shortenedAll(listOf(blocks), draft.note));
  }
}

/** Blocks, messages of blocks, and results of tools, which are blocks of blocks. */
function shortenedAll(blocks: readonly unknown[], note: Note): readonly unknown[] {
  return blocks.map((block) => {
    if (!isObject(block)) return block;
    const own = shortened(block, note);
    return Array.isArray(own.content) ? { ...own, content: shortenedAll(listOf(own.content), note) } : own;
  });
}

function shortened(holder: JsonObject, note: Note): JsonObject {
  const { cache_control: wanted } = holder;
  if (!isObject(wanted) || wanted.ttl === undefined || wanted.ttl === FIVE_MINUTES) return holder;
  note("cache_control.ttl");
  const { ttl: _, ...short } = wanted;
  return { ...holder, cache_control: short };
}
