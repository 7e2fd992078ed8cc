/** A vendor's wire, as far as the wall speaks it. Written apart from the adapters, so that no mistake is made twice. */
export interface Wire {
  readonly name: WireName;
  /** Who reads it in Sluice. */
  readonly adapter: string;
  readonly baseUrl: (vendorUrl: string) => string;
  /** What is asked; undefined: a path of another wire. */
  readonly read: (path: string, body: Body) => Asked | undefined;
  readonly frames: (answer: Answer, operation: Operation) => Frames;
  /** The body of an answer that is not streamed. */
  readonly whole: (answer: Answer, operation: Operation) => string;
  /** The body of a refusal; the status says the rest. */
  readonly refusal: (status: number) => string;
  /** An error inside a stream that has begun. */
  readonly failure: string;
  /** A stream tells what the prompt was at its beginning, and one output token with it. */
  readonly tellsPromptFirst: boolean;
  /** Usage and the reason for the end are one frame. */
  readonly tellsUsageWithFinish: boolean;
  /** What there is not on it; faults that need it do not happen. */
  readonly lacks?: readonly Feature[];
}

/** What not every wire has. */
export type Feature = "end marker" | "pieces of calls" | "finish by itself";

/** A request's body, as far as it says what is asked. */
export interface Body {
  readonly model?: string;
  readonly stream?: boolean;
}

export interface Asked {
  readonly model: string;
  readonly isStream: boolean;
  readonly operation: Operation;
}

/** Where the body says which model, and whether it streams. */
export const askedIn = ({ model = "", stream = false }: Body, operation: Operation): Asked => ({
  model,
  isStream: stream,
  operation,
});

export type WireName = "openai" | "openai-responses" | "anthropic" | "gemini";
export type Operation = "chat" | "completion";

/** What the vendor has to say. */
export interface Answer {
  /** A token each. */
  readonly words: readonly string[];
  /** Calls a tool instead: the pieces of its arguments. */
  readonly call?: readonly string[];
  /** As it is told: none, one or several times. */
  readonly usage: readonly Told[];
}

/** Counts as they stand in the JSON; some are none. */
export interface Told {
  readonly prompt: unknown;
  readonly completion: unknown;
}

/** An answer as a stream. */
export interface Frames {
  /** Before any content. */
  readonly opening: string;
  readonly content: readonly string[];
  readonly finish: string;
  /** Empty where the finish has it. */
  readonly usage: string;
  readonly end: string;
}

export const TOOL = "calc";

/** An SSE frame; `type` names the event where the wire does. */
export const frame = (data: object | string, type?: string): string =>
  `${type === undefined ? "" : `event: ${type}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
