import type { JsonObject } from "../../core/generation.ts";
import { numberOf } from "../json.ts";

/** A vendor's request body in the making, and a list of what had to be given up on the way. */
export interface RequestDraft {
  get(field: string): unknown;
  set(field: string, value: unknown): void;
  /** Takes fields out without a word: renamed, moved, or meaning nothing here. */
  remove(...fields: readonly string[]): void;
  /** Takes fields out that the vendor cannot do, and says so where the client had set them to something. */
  drop(...fields: readonly string[]): void;
  /** Drops everything but these. */
  keepOnly(fields: ReadonlySet<string>): void;
  /** Says that a part of a field was given up: `tool_choice.required`. */
  readonly note: (part: string) => void;
  /** Takes out fields that are null: OpenAI takes them for absent, others refuse them. */
  removeNulls(): void;
  readonly dropped: readonly string[];
  readonly body: JsonObject;
}

/** Values that ask for nothing: leaving them out changes no answer. */
const ASKS_NOTHING: Readonly<Record<string, unknown>> = {
  n: 1,
  store: false,
  service_tier: "auto",
  logprobs: false,
  frequency_penalty: 0,
  presence_penalty: 0,
  parallel_tool_calls: true,
  enable_search: false,
  verbosity: "medium",
};

export const draftOf = (body: JsonObject): RequestDraft => new Draft(body);

class Draft implements RequestDraft {
  readonly body: Record<string, unknown>;
  #dropped: string[] | undefined;

  constructor(body: JsonObject) {
    this.body = { ...body };
  }

  get dropped(): readonly string[] {
    return this.#dropped ?? NOTHING;
  }

  /** Made when it is asked for: it is handed on where a part of a field is translated. */
  get note(): (part: string) => void {
    return (part) => this.#note(part);
  }

  get(field: string): unknown {
    return this.body[field];
  }

  set(field: string, value: unknown): void {
    this.body[field] = value;
  }

  remove(...names: readonly string[]): void {
    // What is not there is not deleted: an object that anything was deleted from is a slow one from then on.
    for (const name of names) if (name in this.body) delete this.body[name];
  }

  drop(...names: readonly string[]): void {
    for (const name of names) this.#drop(name);
  }

  keepOnly(names: ReadonlySet<string>): void {
    for (const name in this.body) if (!names.has(name)) this.#drop(name);
  }

  removeNulls(): void {
    for (const name in this.body) if (this.body[name] === null) delete this.body[name];
  }

  #drop(field: string): void {
    if (!(field in this.body)) return;
    const value = this.body[field];
    delete this.body[field];
    if (value === undefined || value === null) return;
    if (ASKS_NOTHING[field] !== value) this.#note(field);
  }

  #note(part: string): void {
    this.#dropped ??= [];
    if (!this.#dropped.includes(part)) this.#dropped.push(part);
  }
}

const NOTHING: readonly string[] = Object.freeze([]);

export type LimitField = "max_tokens" | "max_completion_tokens";

/**
 * Puts the output limit under the one name that the vendor takes: the lowest of what the client asked for,
 * what the balance can pay for, and what the vendor allows. Nothing is set when nobody set a limit.
 *
 * @returns the limit that was set
 */
export function limitOutput(
  draft: RequestDraft,
  field: LimitField,
  bounds: { readonly capped?: number | undefined; readonly most?: number },
): number | undefined {
  const asked = numberOf(draft.get("max_completion_tokens")) ?? numberOf(draft.get("max_tokens"));
  if (asked === undefined && bounds.capped === undefined) {
    draft.remove("max_tokens", "max_completion_tokens");
    return undefined;
  }
  const limit = Math.min(asked ?? Infinity, bounds.capped ?? Infinity, bounds.most ?? Infinity);
  draft.remove(field === "max_tokens" ? "max_completion_tokens" : "max_tokens");
  draft.set(field, limit);
  return limit;
}
