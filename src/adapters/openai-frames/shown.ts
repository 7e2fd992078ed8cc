import type { GenerationEvent, JsonObject } from "../../core/generation.ts";

/** What a client of the OpenAI dialect may be shown: events, and what only this dialect can carry. */
export type Shown = GenerationEvent | Extension;

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

const isExtension = (shown: Shown): shown is Extension => shown.type === "extension";

/** Without what only OpenAI's dialect can carry. */
export const eventsIn = (shown: readonly Shown[]): readonly GenerationEvent[] =>
  shown.flatMap((item) => (isExtension(item) ? [] : [item]));
