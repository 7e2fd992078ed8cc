import type { JsonObject } from "../../src/core/generation.ts";
import { isObject } from "./json.ts";

/** Whose habits the mock has: where usage is, which keys a chunk has, how an error looks. */
export type Shape = "openai" | "deepseek" | "qwen" | "doubao";

/** How one call is answered. What is left out is as the vendor does it on a good day. */
export interface Script {
  readonly shape?: Shape;
  /** Answer tokens of each choice, one frame each; the request's own maximum bounds them. */
  readonly tokens?: number;
  /** Words to say instead; each is a token. */
  readonly text?: string;
  /** Said before the answer; part of the completion, as everywhere in this family. */
  readonly reasoningTokens?: number;
  /** Called instead of answering; each counts `TOOL_CALL_TOKENS`. */
  readonly toolCalls?: readonly ToolCall[];
  /** What the vendor counts; absent: a quarter of the prompt's characters. */
  readonly promptTokens?: number;
  /** Part of `promptTokens`. */
  readonly cachedTokens?: number;
  readonly finishReason?: string;
  /** An object is sent as it is. */
  readonly usage?: "normal" | "missing" | "twice" | "negative" | "huge" | JsonObject;
  readonly pace?: Pace;
  /** Silent there until `release()`, or until the client is gone. */
  readonly hold?: Hold;
  /** Comments before the first token of a stream; empty lines before a whole answer. */
  readonly keepAlives?: number;
  readonly lineEnd?: "\n" | "\r\n";
  /** How the body is cut into writes. A number: tokens in a write. */
  readonly writes?: "frame" | "byte" | number;
  /** `none`: the body ends well as HTTP goes, but without `[DONE]`. */
  readonly end?: "marker" | "two_markers" | "none";
  readonly cut?: Cut;
  /** An error object inside the stream, after which it is closed. */
  readonly failure?: { readonly afterTokens: number; readonly error: JsonObject };
  /** Refuses, in the vendor's own words. */
  readonly refusal?: Refusal;
  /** Answers with this and nothing else. */
  readonly answer?: PlainAnswer;
  /** Takes the request and closes the connection. */
  readonly silence?: boolean;
}

export interface ToolCall {
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
}

/** Milliseconds. */
export interface Pace {
  readonly headers?: number;
  readonly firstToken?: number;
  readonly token?: number;
}

export type Hold = "headers" | "first_token" | { readonly afterTokens: number };

/** The connection breaks: `close` and `reset` without the end of the HTTP body, `end` with it. */
export interface Cut {
  readonly afterTokens: number;
  readonly inside?: "frame" | "character";
  readonly how?: "close" | "reset" | "end";
}

export interface PlainAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | JsonObject | readonly unknown[];
}

export type Refusal =
  | "invalid_key"
  | "no_money"
  | "rate_limit"
  | "overloaded"
  | "server_error"
  | "unknown_model"
  | "context_length"
  | "content";

export const TOOL_CALL_TOKENS = 10;
export const DEFAULT_TOKENS = 8;

/** A page of some machine in front of the vendor. */
export const HTML: Script = {
  answer: {
    headers: { "content-type": "text/html; charset=utf-8" },
    body: "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>cloud</body></html>",
  },
};

/** Well delivered, but the JSON stops in the middle. */
export const HALF_JSON: Script = {
  answer: {
    headers: { "content-type": "application/json" },
    body: '{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,"mess',
  },
};

export const EMPTY: Script = { answer: { body: "" } };
export const SILENCE: Script = { silence: true };

const FIELDS = {
  shape: true,
  tokens: true,
  text: true,
  reasoningTokens: true,
  toolCalls: true,
  promptTokens: true,
  cachedTokens: true,
  finishReason: true,
  usage: true,
  pace: true,
  hold: true,
  keepAlives: true,
  lineEnd: true,
  writes: true,
  end: true,
  cut: true,
  failure: true,
  refusal: true,
  answer: true,
  silence: true,
} as const satisfies Readonly<Record<keyof Script, true>>;

/** A script out of JSON; throws on a field that there is not, so that a slip of the pen is no silent good day. */
export function scriptOf(value: unknown): Script {
  if (!isObject(value)) throw new Error("a mock script must be an object");
  const unknown = Object.keys(value).filter((name) => !Object.hasOwn(FIELDS, name));
  if (unknown.length > 0) throw new Error(`a mock script has no ${unknown.join(", ")}`);
  return value;
}
