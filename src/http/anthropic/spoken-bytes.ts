import type { JsonObject } from "../../core/generation.ts";

/** Fields of messages that say nothing to the model. */
const FORM = new Set(["role", "type", "id", "tool_call_id"]);

/** Bytes of a chat that the model is told, for an estimate that counts no form: texts, pictures, calls and tools. */
export const spokenBytes = ({ messages, tools }: JsonObject): number =>
  bytesIn(messages) + (tools === undefined ? 0 : Buffer.byteLength(JSON.stringify(tools)));

function bytesIn(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (typeof value !== "object" || value === null) return 0;
  return Object.entries(value).reduce(
    (sum, [name, field]) => (FORM.has(name) ? sum : sum + bytesIn(field)),
    0,
  );
}
