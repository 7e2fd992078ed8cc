import type { GenerationEvent, JsonObject, ToolCallDelta } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { isObject, listOf, numberOf, parseJson, textOf } from "../json.ts";
import { brokenOff, failureInside, hasError, unreadable } from "./errors.ts";
import type { Member } from "./member.ts";
import { rawUsageIn, withoutUsage } from "./usage.ts";

/** What one chunk of a stream says, and what of it a client of the same dialect may see. */
export interface ChunkReading {
  /** Text, reasoning, refusal, tool calls. */
  readonly content: readonly GenerationEvent[];
  /** Finish, usage, failure. */
  readonly control: readonly GenerationEvent[];
  /** `keep`: as it came. `drop`: nothing. An object: that instead. */
  readonly forClient: "keep" | "drop" | JsonObject;
  readonly hasContent: boolean;
}

export type ChunkReader = (data: string) => ChunkReading;

/** Reads the `data:` of chunk after chunk of one stream; keeps what spans chunks (tool calls, finished choices). */
export function createChunkReader(member: Member, secret: string): ChunkReader {
  const finished = new Set<number>();
  const toolCalls = createToolCallReader();

  return (data) => {
    const chunk = parseJson(data);
    if (!isObject(chunk))
      return failed(
        unreadable("invalid_frame", "The vendor's stream held a frame that is not a JSON object."),
      );
    if (hasError(chunk) || !Array.isArray(chunk.choices)) {
      const failure = failureInside(member, chunk, secret);
      if (failure !== undefined) return failed(failure);
    }

    const content: GenerationEvent[] = [];
    const control: GenerationEvent[] = [];
    let shown: JsonObject = chunk;
    let hasContent = false;

    listOf(chunk.choices).forEach((choice, position) => {
      if (!isObject(choice)) return;
      const index = numberOf(choice.index) ?? position;
      content.push(...readContent(choice, index, toolCalls));
      // Spoken answers stream as base64 beside the text; nothing here reads them, but they are content.
      if (isObject(choice.delta) && isObject(choice.delta.audio)) hasContent = true;
      const raw = finishWord(choice);
      if (raw === undefined) return;
      const reason = member.finishReason(raw);
      if (reason === undefined) control.push({ type: "failure", failure: brokenOff(raw) });
      else if (!finished.has(index)) {
        finished.add(index);
        control.push({ type: "finish", choice: index, reason });
      }
      if (reason !== raw) shown = withFinish(shown, position, reason ?? null);
    });

    const rawUsage = rawUsageIn(chunk);
    if (rawUsage !== undefined) {
      const usage = member.readUsage(rawUsage, chunk);
      if (usage !== undefined) control.push({ type: "usage", usage });
      shown = withoutUsage(shown);
    }

    if (toolCalls.isOverflown) return failed(TOO_MANY_CALLS);
    hasContent ||= content.length > 0;
    const isSeen = hasContent || isForClient(chunk, rawUsage !== undefined, control);
    return { content, control, forClient: !isSeen ? "drop" : shown === chunk ? "keep" : shown, hasContent };
  };
}

const failed = (failure: VendorFailure): ChunkReading => ({
  content: [],
  control: [{ type: "failure", failure }],
  forClient: "drop",
  hasContent: false,
});

/** Not for clients: what has no choices at all, a chunk that only brings usage, and the word that the vendor broke off. */
function isForClient(chunk: JsonObject, hasUsage: boolean, control: readonly GenerationEvent[]): boolean {
  if (!Array.isArray(chunk.choices)) return false;
  if (chunk.choices.length === 0) return !hasUsage;
  return !control.some((event) => event.type === "failure");
}

/** The reason a choice ended for; absent, null, empty and the word "null" (DashScope) mean: not yet. */
function finishWord(choice: JsonObject): string | undefined {
  const raw = textOf(choice.finish_reason);
  return raw === "null" ? undefined : raw;
}

function withFinish(chunk: JsonObject, position: number, reason: string | null): JsonObject {
  const choices = listOf(chunk.choices).map((choice, at) =>
    at === position && isObject(choice) ? { ...choice, finish_reason: reason } : choice,
  );
  return { ...chunk, choices };
}

/** The content of one choice: `delta` of chat, `text` of legacy completions. */
function readContent(choice: JsonObject, index: number, toolCalls: ToolCallReader): GenerationEvent[] {
  const legacy = textOf(choice.text);
  if (legacy !== undefined) return [{ type: "text", choice: index, text: legacy }];
  const delta = choice.delta;
  if (!isObject(delta)) return [];
  const events: GenerationEvent[] = [];
  const reasoning = textOf(delta.reasoning_content) ?? textOf(delta.reasoning);
  if (reasoning !== undefined) events.push({ type: "reasoning", choice: index, text: reasoning });
  const text = textOf(delta.content) ?? textOf(partsText(delta.content));
  if (text !== undefined) events.push({ type: "text", choice: index, text });
  const refusal = textOf(delta.refusal);
  if (refusal !== undefined) events.push({ type: "refusal", choice: index, text: refusal });
  for (const call of listOf(delta.tool_calls)) {
    const event = isObject(call) ? toolCalls.read(index, call) : undefined;
    if (event !== undefined) events.push(event);
  }
  const legacyCall = isObject(delta.function_call)
    ? toolCalls.read(index, { index: 0, function: delta.function_call })
    : undefined;
  if (legacyCall !== undefined) events.push(legacyCall);
  return events;
}

/** Content as a list of parts: the text among them. */
export const partsText = (content: unknown): string =>
  listOf(content)
    .map((part) => (isObject(part) && typeof part.text === "string" ? part.text : ""))
    .join("");

/** Of one answer, all its choices taken together: far more than parallel calls come to. */
const MAX_CALLS = 4_096;
const TOO_MANY_CALLS = unreadable("too_many_calls", `The vendor's answer has more than ${MAX_CALLS} calls.`);

interface ToolCallReader {
  read(choice: number, raw: JsonObject): ToolCallDelta | undefined;
  /** More calls were begun than are read. */
  readonly isOverflown: boolean;
}

/**
 * Puts the pieces of tool calls in order. Continuations carry an empty id (Qwen), no id (OpenAI) or the same id
 * again; some vendors give parallel calls all the index 0, or none: there a new id begins a new call.
 */
function createToolCallReader(): ToolCallReader {
  const known = new Map<string, { readonly call: number; id: string | undefined; named: boolean }>();
  const counts = new Map<number, number>();
  let begun = 0;

  const read: ToolCallReader["read"] = (choice, raw) => {
    const id = textOf(raw.id);
    const count = counts.get(choice) ?? 0;
    const index = numberOf(raw.index) ?? (id === undefined ? Math.max(0, count - 1) : count);
    const slot = `${choice}:${index}`;
    let entry = known.get(slot);
    if (entry === undefined || (id !== undefined && entry.id !== undefined && entry.id !== id)) {
      begun += 1;
      if (begun > MAX_CALLS) return undefined;
      entry = { call: count, id: undefined, named: false };
      known.set(slot, entry);
      counts.set(choice, count + 1);
    }
    const called = isObject(raw.function) ? raw.function : isObject(raw.custom) ? raw.custom : {};
    const name = entry.named ? undefined : textOf(called.name);
    const isNewId = entry.id === undefined && id !== undefined;
    const piece = textOf(called.arguments) ?? textOf(called.input) ?? "";
    if (name === undefined && !isNewId && piece === "") return undefined;
    if (name !== undefined) entry.named = true;
    if (isNewId) entry.id = id;
    return {
      type: "toolCall",
      choice,
      call: entry.call,
      ...(isNewId ? { id } : {}),
      ...(name === undefined ? {} : { name }),
      arguments: piece,
    };
  };

  return {
    read,
    get isOverflown() {
      return begun > MAX_CALLS;
    },
  };
}
