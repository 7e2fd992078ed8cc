import type { JsonObject } from "../../../core/generation.ts";
import type { CallPiece, Piece } from "./piece.ts";

/**
 * What a chat message says, streamed (`delta`) or whole (`message`), as pieces. Keeps what spans the chunks of one
 * answer, so one reader reads one answer.
 */
export type ChatReader = (choice: JsonObject) => readonly Piece[];

/** Fields of a message that are read here, or belong to answers that this dialect has no place for. */
const KNOWN = new Set([
  ...["role", "content", "reasoning_content", "reasoning", "reasoning_details", "refusal", "tool_calls"],
  ...["function_call", "audio", "annotations", "images", "name"],
]);
const KNOWN_OF_CALL = new Set(["index", "id", "type", "function", "custom"]);

export function createChatReader(): ChatReader {
  const callOf = createCallReader();
  return (choice) => {
    const message = objectIn(choice.delta) ?? objectIn(choice.message);
    if (message === undefined) return [];
    const pieces: Piece[] = [];
    const reasoning = textIn(message.reasoning_content) || textIn(message.reasoning);
    if (reasoning !== "") pieces.push({ kind: "reasoning", text: reasoning });
    const text = textIn(message.content);
    if (text !== "") pieces.push(spoken(text, choice));
    const refusal = textIn(message.refusal);
    if (refusal !== "") pieces.push({ kind: "refusal", text: refusal });
    for (const call of listIn(message.tool_calls)) {
      const raw = objectIn(call);
      if (raw !== undefined) pieces.push(callOf(raw));
    }
    const fields = extensionOf(message, KNOWN);
    if (fields !== undefined) pieces.push({ kind: "carried", fields });
    return pieces;
  };
}

function spoken(text: string, choice: JsonObject): Piece {
  const logprobs = listIn(objectIn(choice.logprobs)?.content);
  return logprobs.length === 0 ? { kind: "text", text } : { kind: "text", text, logprobs };
}

/** Some vendors give parallel calls all the index 0, or none: there a new id begins a new call. */
function createCallReader(): (raw: JsonObject) => CallPiece {
  const known = new Map<number, { readonly call: number; id: string }>();
  let count = 0;
  return (raw) => {
    const id = textIn(raw.id);
    const index = typeof raw.index === "number" ? raw.index : id === "" ? Math.max(0, count - 1) : count;
    let entry = known.get(index);
    if (entry === undefined || (id !== "" && entry.id !== "" && entry.id !== id)) {
      entry = { call: count, id: "" };
      known.set(index, entry);
      count += 1;
    }
    if (id !== "") entry.id = id;
    const called = objectIn(raw.function) ?? {};
    const name = textIn(called.name);
    const fields = extensionOf(raw, KNOWN_OF_CALL);
    return {
      kind: "call",
      call: entry.call,
      ...(id === "" ? {} : { id }),
      ...(name === "" ? {} : { name }),
      arguments: textIn(called.arguments),
      ...(fields === undefined ? {} : { fields }),
    };
  };
}

/** What a vendor added; scalars are its own business. */
function extensionOf(raw: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  // It came out of JSON: whatever is in it is its own. Most have nothing.
  for (const name in raw) if (isExtension(name, raw[name], known)) return extensionsOf(raw, known);
  return undefined;
}

const extensionsOf = (raw: JsonObject, known: ReadonlySet<string>): JsonObject =>
  Object.fromEntries(Object.entries(raw).filter(([name, value]) => isExtension(name, value, known)));

const isExtension = (name: string, value: unknown, known: ReadonlySet<string>): boolean =>
  typeof value === "object" && value !== null && !known.has(name);

export const objectIn = (value: unknown): JsonObject | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as JsonObject) // a non-null object that is no array
    : undefined;

export const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : NOTHING);

const NOTHING: readonly unknown[] = Object.freeze([]);

/** The objects of a list: what a vendor calls an item may be none. */
export const objectsIn = (value: unknown): readonly JsonObject[] =>
  listIn(value).flatMap((item): readonly JsonObject[] => {
    const object = objectIn(item);
    return object === undefined ? [] : [object];
  });

/** A text, or the texts of a list of parts. */
function textIn(value: unknown): string {
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return "";
  return value
    .map((part) => objectIn(part)?.text)
    .filter((text) => typeof text === "string")
    .join("");
}
