import type { JsonObject, ToolCallDelta } from "../../core/generation.ts";
import { isObject, numberOf, objectOf, textOf } from "../json.ts";
import { unreadable } from "./errors.ts";

/** Of one answer, all its choices taken together: far more than parallel calls come to. */
const MAX_CALLS = 4_096;
export const TOO_MANY_CALLS = unreadable(
  "too_many_calls",
  `The vendor's answer has more than ${MAX_CALLS} calls.`,
);

/** A call that was begun. */
interface BegunCall {
  readonly call: number;
  id: string | undefined;
  named: boolean;
}

/**
 * Puts the pieces of tool calls in order. Continuations carry an empty id (Qwen), no id (OpenAI) or the same id
 * again; some vendors give parallel calls all the index 0, or none: there a new id begins a new call.
 */
export class ToolCallReader {
  readonly #known = new Map<string, BegunCall>();
  readonly #counts = new Map<number, number>();
  #begun = 0;

  /** More calls were begun than are read. */
  get isOverflown(): boolean {
    return this.#begun > MAX_CALLS;
  }

  read(choice: number, raw: JsonObject): ToolCallDelta | undefined {
    const id = textOf(raw.id);
    const count = this.#counts.get(choice) ?? 0;
    const index = numberOf(raw.index) ?? (id === undefined ? Math.max(0, count - 1) : count);
    const slot = `${choice}:${index}`;
    let entry = this.#known.get(slot);
    if (entry === undefined || (id !== undefined && entry.id !== undefined && entry.id !== id)) {
      this.#begun += 1;
      if (this.isOverflown) return undefined;
      entry = { call: count, id: undefined, named: false };
      this.#known.set(slot, entry);
      this.#counts.set(choice, count + 1);
    }
    const called = isObject(raw.function) ? raw.function : objectOf(raw.custom);
    const name = entry.named ? undefined : textOf(called?.name);
    const isNewId = entry.id === undefined && id !== undefined;
    const piece = textOf(called?.arguments) ?? textOf(called?.input) ?? "";
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
  }
}
