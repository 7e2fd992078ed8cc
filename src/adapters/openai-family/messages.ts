import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf, textOf } from "../json.ts";
import type { RequestDraft } from "./request-draft.ts";

type Message = Readonly<Record<string, unknown>>;

/** The chat's messages; anything in the list that is not an object is left for the vendor to refuse. */
export const messagesOf = (draft: RequestDraft): readonly unknown[] => listOf(draft.get("messages"));

/** Rewrites each message, keeping what does not look like one. */
function mapMessages(draft: RequestDraft, change: (message: Message) => Message): void {
  if (!Array.isArray(draft.get("messages"))) return;
  draft.set(
    "messages",
    messagesOf(draft).map((message) => (isObject(message) ? change(message) : message)),
  );
}

/** `developer` is OpenAI's newer word for what everybody else calls `system`. */
export function developerToSystem(draft: RequestDraft): void {
  if (!messagesOf(draft).some(isDevelopers)) return;
  mapMessages(draft, (message) => (isDevelopers(message) ? { ...message, role: "system" } : message));
}

const isDevelopers = (message: unknown): boolean => isObject(message) && message.role === "developer";

/** Content given as a list of nothing but text parts, as one string: text-only models refuse lists. */
export const joinTextParts = (draft: RequestDraft): void =>
  mapMessages(draft, (message) => {
    if (!Array.isArray(message.content) || message.content.length === 0) return message;
    const texts = listOf(message.content).map(plainTextPart);
    return texts.includes(undefined) ? message : { ...message, content: texts.join("\n") };
  });

/** The text of a part that holds only that; a part with `cache_control` or the like must stay a part. */
function plainTextPart(part: unknown): string | undefined {
  if (!isObject(part) || part.type !== "text" || typeof part.text !== "string") return undefined;
  return Object.keys(part).length === 2 ? part.text : undefined;
}

/**
 * Structured output for a vendor that has JSON mode but no schemas: `json_object`, and the schema as an
 * instruction. JSON mode also demands the word "json" in the prompt, which the instruction holds.
 */
export function schemaIntoPrompt(draft: RequestDraft): void {
  const format = draft.get("response_format");
  if (!isObject(format) || format.type !== "json_schema") return;
  const schema = isObject(format.json_schema) ? format.json_schema.schema : undefined;
  const instruction =
    schema === undefined
      ? "Answer with one JSON object and nothing else."
      : `Answer with one JSON object and nothing else. It must be valid against this JSON schema:\n${JSON.stringify(schema)}`;
  draft.set("response_format", { type: "json_object" });
  draft.note("response_format.json_schema");
  draft.set("messages", withInstruction(messagesOf(draft), instruction));
}

/** Appended to the first system message, so that a cached prefix of the conversation moves as little as it can. */
function withInstruction(messages: readonly unknown[], instruction: string): readonly unknown[] {
  const first = messages[0];
  if (isObject(first) && first.role === "system" && typeof first.content === "string") {
    return [{ ...first, content: `${first.content}\n\n${instruction}` }, ...messages.slice(1)];
  }
  return [{ role: "system", content: instruction }, ...messages];
}

/** The function tools of a request, as they stand there. */
export const functionsOf = (draft: RequestDraft): readonly JsonObject[] =>
  listOf(draft.get("tools")).flatMap((tool) =>
    isObject(tool) && isObject(tool.function) ? [tool.function] : [],
  );

/** The wanted `response_format`'s type. */
export function responseFormat(draft: RequestDraft): string | undefined {
  const format = draft.get("response_format");
  return isObject(format) ? textOf(format.type) : undefined;
}
