import type { CallSignal } from "../core/call-signal.ts";
import type { AdapterName, Operation } from "../core/catalog.ts";
import type {
  FinishReason,
  GenerationEvent,
  GenerationRequest,
  JsonObject,
  NativeDialect,
} from "../core/generation.ts";
import type { Usage } from "../core/usage.ts";
import type { VendorFailure } from "../core/vendor-failure.ts";
import type { VendorResponse } from "../core/vendor-response.ts";
import type { RealtimeAdapter } from "./realtime-adapter.ts";

/**
 * A vendor, as pure translation: a request out, events in, errors classified. No money, no limits, no
 * retries, no I/O (but for the sandbox, which is its own vendor and brings a `transport`).
 */
export interface Adapter {
  readonly name: AdapterName;
  /** Without a trailing slash; absent where the operator must give one. */
  readonly defaultBaseUrl?: string;
  readonly operations: ReadonlySet<Operation>;
  /**
   * The dialect that the vendor speaks beside OpenAI's chat, or in its place. A request that carries its body in this dialect
   * (`native`) is sent as that body, `readAnswer` and `passthrough` streams then give the vendor's own bytes. All other
   * requests are translated, and answered in OpenAI's dialect.
   */
  readonly nativeDialect?: NativeDialect;
  /** Replaces the network: only for a vendor that lives inside the process. */
  readonly transport?: Transport;
  /** Which of a vendor's protocols is spoken at a base URL; absent: this one everywhere. */
  protocolAt?(baseUrl: string): Adapter;
  /** The HTTP call that asks this vendor. Streams always ask for usage. Throws SluiceError for what cannot be expressed. */
  buildCall(request: GenerationRequest, target: Target): VendorCall;
  /**
   * Reads a whole 2xx answer. Never throws: anything that is not an answer is a failure. `secret` is the key
   * that was used, so that it can be scrubbed out of an error that came inside a 200.
   */
  readAnswer(request: GenerationRequest, body: Uint8Array, secret?: string): VendorAnswer;
  /**
   * A reader for one 2xx stream. `events` parses every frame; `passthrough` hands on bytes and reports only control.
   * `remembers`: keeps what was said, so that another vendor can go on with it.
   */
  openStream(
    request: GenerationRequest,
    mode: StreamMode,
    secret?: string,
    remembers?: boolean,
  ): StreamReader;
  /** The most texts that one call embeds: the gateway makes several calls of a longer list. Absent: any number. */
  readonly textsACall?: number;
  /** How many characters of a text that is read aloud the vendor bills; absent: one for each of Unicode's. */
  countCharacters?(text: string): number;
  /** Conversations over a WebSocket, where the vendor has them. */
  readonly realtime?: RealtimeAdapter;
  /** Counts a prompt's tokens without answering it, where the vendor does that for nothing. */
  readonly counting?: Counting;
  /** How this vendor's model goes on with a chat answer that another one began. Absent: by an instruction. */
  continuation?(request: GenerationRequest, model: string): Continuation;
  /** Classifies a non-2xx answer. `body` may be anything: JSON under a wrong type, HTML, nothing. */
  classifyError(status: number, headers: Headers, body: string, secret: string): VendorFailure;
}

export interface Counting {
  /** Throws SluiceError for what cannot be expressed. */
  buildCall(request: GenerationRequest, target: Target): VendorCall;
  /** Undefined when the 2xx answer is no count. */
  readCount(body: Uint8Array): number | undefined;
}

/**
 * How a model is asked to go on with an answer of which the beginning is known. `prefix`: an assistant message that
 * stands last, which it takes for its own beginning. `instruction`: the same, and a user's message that asks for it.
 */
export type Continuation = { readonly by: "instruction" } | PrefixContinuation;

export interface PrefixContinuation {
  readonly by: "prefix";
  /** Fields of the assistant message that say so. */
  readonly mark?: JsonObject;
  /** Fields of the body that must be otherwise, such as thinking that is to be off; null takes a field out. */
  readonly body?: JsonObject;
  /** White space at the beginning's end is refused. */
  readonly refusesTrailingSpace?: boolean;
}

/**
 * What carries a call to its vendor. The signal is that call's alone. A transport that can tell how far the call is
 * tells the observer, from the beginning on; `fetch` cannot.
 */
export type Transport = (
  call: VendorCall,
  signal: CallSignal,
  observer?: CallObserver,
) => Promise<VendorResponse | Response>;

export interface CallObserver {
  /** Each in this order, none twice but for a call that is sent again; `connecting` only where no connection stands. */
  reached(stage: CallStage): void;
}

/** `sent`: the operating system has the request's last byte. */
export type CallStage = "connecting" | "connected" | "sent";

/** Where a call goes: the vendor's model, host and key as configured. */
export interface Target {
  readonly model: string;
  readonly baseUrl: string;
  readonly secret: string;
  /** The price says what the longer-lived of two caches costs to write; absent: it must not be asked for. */
  readonly hasLongCachePrice?: boolean;
  /** The service tiers that the price names: no other that costs more may be asked for. Absent: any may. */
  readonly pricedTiers?: readonly string[];
  /** Replaces the client's own limit when the balance can only pay for this many output tokens a choice. */
  readonly cappedOutputTokens?: number;
  /** The most the model can answer with, for vendors that must be told a limit; held for when the client names none. */
  readonly maxOutputTokens?: number;
}

export interface VendorCall {
  readonly method: "POST" | "GET";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /**
   * What the client asked for and this vendor cannot do, by the field's name (`seed`), or by its part where
   * only that was given up (`tool_choice.required`). Shown as `x-sluice-dropped`.
   */
  readonly dropped?: readonly string[];
}

/** A whole answer: the bytes for a client of the same dialect, and what metering and other dialects need. */
export type VendorAnswer =
  | {
      readonly ok: true;
      /** Of the body; absent: OpenAI's of the operation. */
      readonly dialect?: NativeDialect;
      readonly body: Uint8Array;
      /** Of the body; absent: JSON. */
      readonly contentType?: string;
      readonly parsed: JsonObject;
      /** Undefined: the vendor did not say, or said nonsense. */
      readonly usage: Usage | undefined;
      /** Per choice; empty for embeddings. */
      readonly finishReasons: readonly FinishReason[];
      /** Characters of generated text, for an estimate when usage is missing. */
      readonly outputChars: number;
    }
  | { readonly ok: false; readonly failure: VendorFailure };

export type StreamMode = "events" | "passthrough";

/**
 * Turns the network reads of one stream into whole frames. Tolerates LF and CRLF, comments, a missing space
 * after `data:`, splits anywhere (inside a UTF-8 character too) and frames up to MAX_FRAME_BYTES.
 */
export interface StreamReader {
  push(chunk: Uint8Array): Passage;
  /** The vendor closed the connection. What stood in the buffer without a frame end is dropped and counted as a cut. */
  close(): Passage;
  /** What has been delivered so far, for an estimate when the vendor never tells. */
  readonly delivered: Delivered;
  /** The same when usage was told last; undefined: not yet, or this reader cannot tell. */
  readonly deliveredAtUsage?: Delivered | undefined;
  /** What was said so far. Absent in a reader that cannot tell: its answers are nobody's to go on with. */
  readonly said?: Said | undefined;
}

/** What a stream has said so far, for whoever is to go on with it. */
export interface Said {
  /** The text of the only choice. UTF-16 units; the last one may be half a character. */
  text(): string;
  readonly hasReasoning: boolean;
  /** More than text and reasoning, or more than can be remembered: nobody can go on with it. */
  readonly isBeyondText: boolean;
}

/** What one network read yielded. */
export interface Passage {
  /**
   * `events` mode: every event. `passthrough` mode: only `finish`, `usage`, `failure`, `end`.
   */
  readonly events: readonly GenerationEvent[];
  /**
   * `passthrough` mode: whole SSE frames for the client, exactly as they came, minus the end marker, a
   * usage-only chunk, usage inside a finish chunk, comments and error objects. The front writes usage and
   * the end itself, once the charge is known. (Usage stays in where it has no frame of its own: other dialects.)
   */
  readonly bytes?: Uint8Array;
  /** `passthrough` mode: the frame that says a stream is whole, for its end: shown when the charge is known. */
  readonly closing?: Uint8Array;
  /** Of the bytes; absent: OpenAI's. Changes in the middle of an answer when another vendor goes on with it. */
  readonly dialect?: NativeDialect;
  /** True when this read holds generated content (text, reasoning, tool call): the first one ends failover. */
  readonly hasContent: boolean;
}

export interface Delivered {
  /** Content frames seen; vendors send about one token in each. */
  readonly frames: number;
  /** UTF-16 units of visible output: text, refusal, tool names and arguments. */
  readonly chars: number;
  readonly reasoningChars: number;
}

/** True when the vendor speaks the client's own dialect. */
export const servesNatively = ({ nativeDialect }: Adapter, { native }: GenerationRequest): boolean =>
  native !== undefined && native.dialect === nativeDialect;

export const EMPTY_PASSAGE: Passage = { events: [], hasContent: false };
