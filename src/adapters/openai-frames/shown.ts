import type { GenerationEvent, JsonObject } from "../../core/generation.ts";

/** What a client of the OpenAI dialect may be shown: events, and what only this dialect can carry. */
export type Shown = GenerationEvent | TextWithLogprobs | Extension;

/** Text and how likely its tokens were, in the form of OpenAI's `logprobs.content`. */
export interface TextWithLogprobs {
  readonly type: "text";
  readonly choice: number;
  readonly text: string;
  readonly logprobs: readonly JsonObject[];
}

/**
 * Fields of a vendor's own that go out beside OpenAI's and come back in the next turn, such as the signature of
 * a thought. They are no content: nothing is counted, and a reader that does not know them passes over them.
 */
export interface Extension {
  readonly type: "extension";
  readonly choice: number;
  /** The tool call that they belong to; absent: the message. */
  readonly call?: number;
  readonly fields: JsonObject;
}

/** One for all: most frames of a wire show nothing. */
export const NOTHING_SHOWN: readonly Shown[] = Object.freeze([]);

/** Without what only OpenAI's dialect can carry; the same list when there is nothing of that. */
export const eventsIn = (shown: readonly Shown[]): readonly GenerationEvent[] =>
  shown.every(isEvent) ? shown : shown.flatMap(eventIn);

const isEvent = (shown: Shown): shown is GenerationEvent =>
  shown.type !== "extension" && !("logprobs" in shown);

function eventIn(shown: Shown): readonly GenerationEvent[] {
  if (shown.type === "extension") return [];
  if (shown.type !== "text" || !("logprobs" in shown)) return [shown];
  const { type, choice, text } = shown;
  return [{ type, choice, text }];
}

/** The log probabilities that come with a piece; undefined: none. */
export const logprobsOf = (shown: Shown): readonly JsonObject[] | undefined =>
  "logprobs" in shown ? shown.logprobs : undefined;
