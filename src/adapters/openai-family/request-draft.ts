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
  note(part: string): void;
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
  verbosity: "medium",
};

export function draftOf(body: JsonObject): RequestDraft {
  const fields: Record<string, unknown> = { ...body };
  const dropped: string[] = [];

  const note = (part: string): void => {
    if (!dropped.includes(part)) dropped.push(part);
  };
  const drop = (field: string): void => {
    const value = fields[field];
    delete fields[field];
    if (value === undefined || value === null) return;
    if (ASKS_NOTHING[field] !== value) note(field);
  };

  return {
    get: (field) => fields[field],
    set(field, value) {
      fields[field] = value;
    },
    remove(...names) {
      for (const name of names) delete fields[name];
    },
    drop(...names) {
      for (const name of names) drop(name);
    },
    keepOnly(names) {
      for (const name of Object.keys(fields)) if (!names.has(name)) drop(name);
    },
    note,
    removeNulls() {
      for (const name of Object.keys(fields)) if (fields[name] === null) delete fields[name];
    },
    dropped,
    body: fields,
  };
}

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
  draft.remove("max_tokens", "max_completion_tokens");
  if (asked === undefined && bounds.capped === undefined) return undefined;
  const limit = Math.min(asked ?? Infinity, bounds.capped ?? Infinity, bounds.most ?? Infinity);
  draft.set(field, limit);
  return limit;
}
