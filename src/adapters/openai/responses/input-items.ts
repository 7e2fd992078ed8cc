import type { JsonObject } from "../../../core/generation.ts";
import { isObject, textOf } from "../../json.ts";

/** Sealed by the gateway for other vendors' thoughts: OpenAI cannot open it. */
const FOREIGN_SEAL = "sluice.";
/** How the gateway names the items of other vendors' answers. */
const FOREIGN_ID = /^[a-z]+_[0-9a-z]{1,64}_\d+$/;
const CALL_FIELDS = new Set(["type", "id", "call_id", "name", "arguments", "status"]);
/** What a thought leads to: without it OpenAI refuses the thought. */
const LED_TO = new Set(["message", "function_call", "reasoning"]);

/**
 * A conversation as OpenAI takes it when nothing of it is kept there: thoughts only as it sealed them itself, and
 * nothing that other vendors or the SDK have put into an item.
 * @param reasons others refuse thoughts
 */
export function inputFor(input: unknown, reasons: boolean): unknown {
  if (!Array.isArray(input)) return input;
  const kept: unknown[] = [];
  let next: unknown;
  for (const item of input.toReversed()) {
    const cleaned = isObject(item) ? cleanItem(item) : item;
    if (cleaned === undefined) continue;
    if (isObject(cleaned) && cleaned.type === "reasoning" && !(reasons && leadsTo(next))) continue;
    kept.push(cleaned);
    next = cleaned;
  }
  return kept.reverse();
}

function leadsTo(next: unknown): boolean {
  if (!isObject(next) || !LED_TO.has(String(next.type ?? "message"))) return false;
  return next.role === undefined || next.role === "assistant";
}

/** Undefined: nothing is left of it. */
function cleanItem(item: JsonObject): JsonObject | undefined {
  const named = typeof item.id === "string" && FOREIGN_ID.test(item.id) ? without(item, "id") : item;
  switch (named.type) {
    case "reasoning": {
      const sealed = textOf(named.encrypted_content);
      return sealed === undefined || sealed.startsWith(FOREIGN_SEAL) ? undefined : without(named, "content");
    }
    case "function_call":
      // One that was cut off in the middle was never made.
      if (named.status === "incomplete") return undefined;
      return Object.fromEntries(Object.entries(named).filter(([name]) => CALL_FIELDS.has(name)));
    default:
      return cleanMessage(named);
  }
}

/** The SDK writes what it has read out of a text beside the text. */
function cleanMessage(item: JsonObject): JsonObject {
  const { content } = item;
  if (!Array.isArray(content) || !content.some((part) => isObject(part) && "parsed" in part)) return item;
  return { ...item, content: content.map((part) => (isObject(part) ? without(part, "parsed") : part)) };
}

const without = (holder: JsonObject, field: string): JsonObject =>
  Object.fromEntries(Object.entries(holder).filter(([name]) => name !== field));
