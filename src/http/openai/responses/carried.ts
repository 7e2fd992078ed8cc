import type { JsonObject } from "../../../core/generation.ts";
import { excessOf } from "../../../core/nesting.ts";

/**
 * What a vendor wants back beside an answer's reasoning (signatures of thoughts), as `encrypted_content`: the client
 * returns it as it got it. Nothing in it is secret: a client of chat completions sees the same in the open.
 */
const PREFIX = "sluice.";

export const sealCarried = (fields: JsonObject): string =>
  PREFIX + Buffer.from(JSON.stringify(fields)).toString("base64");

/** Fields of the message itself, which nothing carried may replace. */
const OWN = new Set([
  "role",
  "content",
  "refusal",
  "reasoning_content",
  "tool_calls",
  "function_call",
  "name",
]);

/** The fields; undefined for what was not made here, such as OpenAI's own, which no other vendor can read. */
export function openCarried(value: unknown): JsonObject | undefined {
  if (typeof value !== "string" || !value.startsWith(PREFIX)) return undefined;
  try {
    const bytes = Buffer.from(value.slice(PREFIX.length), "base64");
    if (excessOf(bytes) !== undefined) return undefined;
    const fields: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return undefined;
    return Object.fromEntries(Object.entries(fields).filter(([name]) => !OWN.has(name)));
  } catch {
    return undefined;
  }
}
