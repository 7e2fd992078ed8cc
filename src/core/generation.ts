import type { Operation } from "./catalog.ts";
import type { SoundFile } from "./sound.ts";
import type { Usage } from "./usage.ts";
import type { VendorFailure } from "./vendor-failure.ts";

/** A JSON object as a client sent it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** One request of a client, parsed once: what routing and metering need, and the body itself for the adapter. */
export interface GenerationRequest {
  readonly operation: Operation;
  /** The public model name asked for. */
  readonly model: string;
  readonly stream: boolean;
  /** `stream_options.include_usage`: the client wants the usage chunk before the end. */
  readonly includeUsage: boolean;
  /** The client's body, in the OpenAI dialect of its operation. Adapters copy, never change it. */
  readonly body: JsonObject;
  /** The most output tokens the client asked for, per choice; absent: the model's own maximum. */
  readonly maxOutputTokens?: number;
  /** How many answers (`n`), at least 1. */
  readonly choices: number;
  /** Prompt tokens, estimated high: the hold must cover what the vendor will count. */
  readonly promptTokens: number;
  /** True when the body carries tools or functions. */
  readonly usesTools: boolean;
  /** True when the prompt carries images. */
  readonly usesImages: boolean;
  /** Nobody waits for it: it is charged by the price of the tier `batch`. */
  readonly isBatch?: true;
  /** Tokens of the answer that the client expects (OpenAI's `prediction`), estimated high: unused ones are billed as output. */
  readonly predictedTokens?: number;
  /** Of a prompt that has any: what is seen of it, which some models count as more than `promptTokens` says. */
  readonly media?: MediaParts;
  /** Characters to be read aloud (`speech`). */
  readonly characters?: number;
  /** What is to be written down (`transcription`, `translation`). */
  readonly sound?: SoundFile;
  /** The same request as the client said it, where that was not in OpenAI's dialect. */
  readonly native?: NativeRequest;
}

/** What a prompt shows. */
export interface MediaParts {
  /** In more than low detail. */
  readonly pictures: number;
  /** Pages of documents, at most. */
  readonly pages: number;
}

/** Dialects that a client and a vendor may share beside OpenAI's chat. */
export type NativeDialect = "anthropic" | "gemini" | "openai-responses";

/** A request in its client's own dialect, for a vendor that speaks it too. `body` of the request says the same in OpenAI's. */
export interface NativeRequest {
  readonly dialect: NativeDialect;
  /** As the client sent it. Adapters copy, never change it. */
  readonly body: JsonObject;
  /** Of the client's headers, what belongs to the request, by lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What `body` of the request leaves out and nothing may: only a vendor of the dialect can serve. The field and why. */
  readonly only?: { readonly param: string; readonly message: string };
}

export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter" | "function_call";

/** How a generation ended. Only `completed` is a normal end. */
export type Outcome = "completed" | "truncated" | "failed" | "cancelled";

/** Everything a vendor's stream can hold. A `switch` over it is exhaustive. */
export type GenerationEvent =
  // content
  | { readonly type: "text"; readonly choice: number; readonly text: string }
  | { readonly type: "reasoning"; readonly choice: number; readonly text: string }
  | { readonly type: "refusal"; readonly choice: number; readonly text: string }
  | ToolCallDelta
  // control
  | { readonly type: "finish"; readonly choice: number; readonly reason: FinishReason }
  | { readonly type: "usage"; readonly usage: Usage }
  | { readonly type: "failure"; readonly failure: VendorFailure }
  /** The vendor's own end marker. Bytes that end without it are a truncated answer. */
  | { readonly type: "end" };

export interface ToolCallDelta {
  readonly type: "toolCall";
  readonly choice: number;
  /** Position among the parallel calls of this choice. */
  readonly call: number;
  /** On the first delta of a call only. */
  readonly id?: string;
  readonly name?: string;
  /** A piece of the arguments' JSON text. */
  readonly arguments: string;
}
