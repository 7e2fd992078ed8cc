import type { GenerationEvent, JsonObject } from "../../core/generation.ts";
import { isObject, parseJson } from "../json.ts";
import { readFrame } from "../sse/event-stream.ts";
import { createJsonText } from "./json-text.ts";

/**
 * For vendors that want the reasoning back which led to a tool call. Clients that put a stream together field by field,
 * as OpenAI's SDK does, keep the last piece of a field that they do not know: so the reasoning goes out once more, whole,
 * as `reasoning_details` (a form that OpenRouter made known), before the chunk that ends the answer. Of the only choice.
 */
export interface CarriedReasoning {
  addEvents(events: readonly GenerationEvent[]): void;
  /** Recognised without being parsed: where its JSON text stands. */
  addJson(like: GenerationEvent, view: Buffer, start: number, end: number): void;
  /** The chunk that goes before this frame; undefined: none. */
  before(frame: string, control: readonly GenerationEvent[]): JsonObject | undefined;
}

/** The type of the one detail. */
const TEXT = "reasoning.text";

export const createCarriedReasoning = (): CarriedReasoning => new Carrying();

class Carrying implements CarriedReasoning {
  readonly #reasoning = createJsonText();
  #isTooLong = false;

  addEvents(events: readonly GenerationEvent[]): void {
    for (const event of events) {
      if (event.type === "reasoning" && event.choice === 0 && !this.#isTooLong)
        this.#isTooLong = !this.#reasoning.add(event.text);
    }
  }

  addJson(like: GenerationEvent, view: Buffer, start: number, end: number): void {
    if (like.type !== "reasoning" || like.choice !== 0 || this.#isTooLong) return;
    this.#isTooLong = !this.#reasoning.keep(view, start, end);
  }

  before(frame: string, control: readonly GenerationEvent[]): JsonObject | undefined {
    if (this.#reasoning.isEmpty || !control.some(endsInCalls)) return undefined;
    const chunk = parseJson(readFrame(frame).data ?? "");
    if (!isObject(chunk)) return undefined;
    const delta = { reasoning_details: [{ type: TEXT, text: this.#reasoning.text() }] };
    this.#reasoning.clear();
    return { ...chunk, choices: [{ index: 0, delta, logprobs: null, finish_reason: null }], usage: null };
  }
}

const endsInCalls = (event: GenerationEvent): boolean =>
  event.type === "finish" && event.reason === "tool_calls";

/** The reasoning that a message brings back as details; undefined: none. */
export function reasoningIn(details: unknown): string | undefined {
  if (!Array.isArray(details)) return undefined;
  const texts = details.flatMap((detail: unknown) =>
    isObject(detail) && detail.type === TEXT && typeof detail.text === "string" ? [detail.text] : [],
  );
  return texts.length === 0 ? undefined : texts.join("");
}
