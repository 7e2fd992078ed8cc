import type { Passage, StreamMode, VendorAnswer } from "../adapters/adapter.ts";
import type { CallSignal } from "../core/call-signal.ts";
import type { Operation, Tier } from "../core/catalog.ts";
import type { Cancel } from "../core/clock.ts";
import type { LimitState, SluiceError } from "../core/errors.ts";
import type { GenerationRequest, NativeDialect, Outcome } from "../core/generation.ts";
import type { KeyId, RequestId, StreamId, TenantId, VendorId } from "../core/ids.ts";
import type { KeyBudget, KeyLimits } from "../core/key-limits.ts";
import type { Micropoints } from "../core/points.ts";
import type { Pollable } from "../core/poll.ts";
import type { TakeoverPolicy } from "../core/takeover-policy.ts";
import type { TimeoutWishes } from "../core/timeout-wishes.ts";
import type { Usage } from "../core/usage.ts";

/**
 * What the fronts (HTTP, WebSocket) see of the inside: a caller, a request, and a generation that is
 * metered, paid for and settled by the time it says that it is over.
 */
export interface Gateway {
  /** Who is calling. Synchronous when the key is warm. Throws or rejects with SluiceError. */
  authenticate(credential: Credential, scope: Scope): Caller | Promise<Caller>;
  /** Runs one request to its first token (stream) or its whole answer. Rejects with SluiceError when nothing could be delivered; nothing is charged then. */
  generate(caller: Caller, request: GenerationRequest, options: GenerateOptions): Promise<Generation>;
  /**
   * How many tokens a prompt has, by a vendor that counts for nothing, else estimated. It charges nothing, and takes from
   * limits on requests. Rejects with SluiceError.
   */
  countTokens(caller: Caller, request: GenerationRequest, options: CountOptions): Promise<TokenCount>;
  /** The models this caller may use. */
  models(caller: Caller): readonly ModelView[];
  /** Takes no new generations: they are refused with `overloaded`. Running ones go on. */
  close(): void;
}

/** What a key must be allowed to do. A key without scopes may do everything but administration. */
export type Scope =
  | "chat"
  | "completions"
  | "embeddings"
  | "moderations"
  | "rerank"
  | "audio"
  | "realtime"
  | "images"
  | "models"
  | "account"
  | "streams"
  | "media"
  | "webhooks";

export interface Credential {
  readonly secret: string;
  /** The client's address, for keys bound to addresses. */
  readonly address: string;
}

export interface Caller {
  readonly tenant: TenantId;
  readonly key: KeyId;
  readonly tier: Tier;
  /** Globs; null: every model. */
  readonly models: readonly string[] | null;
  readonly vendors: readonly string[] | null;
  /** What happens when the balance covers only a part of the longest answer. */
  readonly onShortBalance: "cap" | "refuse";
  readonly limits: KeyLimits | null;
  readonly budget: KeyBudget | null;
  /** Whether another vendor goes on with an answer whose vendor died; absent: as the configuration says. */
  readonly takeover?: TakeoverPolicy;
}

export interface GenerateOptions {
  readonly requestId: RequestId;
  readonly mode: StreamMode;
  /** The client went away. */
  readonly signal?: CallSignal;
  /** As the client called it: what limits of paths go by. Absent: none of them is meant. */
  readonly path?: string;
  /** Wins over the key's and the configuration's. */
  readonly takeover?: TakeoverPolicy;
  /** Whether a second vendor may be asked when the first is slow to begin; absent: as the configuration says. */
  readonly hedge?: boolean;
  /** Shorter than the operator's clocks, never longer. */
  readonly timeouts?: TimeoutWishes;
}

export type CountOptions = Pick<GenerateOptions, "path" | "signal">;

export interface TokenCount {
  readonly inputTokens: number;
  /** Who counted; absent: it is an estimate. */
  readonly counted?: { readonly vendor: VendorId; readonly vendorModel: string };
  readonly limit?: LimitState;
}

export type Generation = AnswerGeneration | StreamGeneration;

/** What is known when headers leave. */
export interface Started {
  readonly requestId: RequestId;
  readonly vendor: VendorId;
  readonly vendorModel: string;
  /** Vendors tried, the serving one included. */
  readonly attempts: number;
  /** The balance could only pay for this many output tokens. */
  readonly cappedOutputTokens?: number;
  readonly limit?: LimitState;
  readonly tokenLimit?: LimitState;
  /** Request fields that the serving vendor cannot take, in the words of the body that it was sent. */
  readonly dropped?: readonly string[];
  /** The client's own dialect, in which the vendor was asked; absent: it was asked by the body in OpenAI's. */
  readonly dialect?: NativeDialect;
}

export interface AnswerGeneration {
  readonly kind: "answer";
  readonly started: Started;
  readonly answer: VendorAnswer & { readonly ok: true };
  readonly final: Final;
}

/** Polled for its passages: null once the stream has ended and its charge is on disk. Never throws; one reader. */
export interface StreamGeneration extends Pollable<Passage | null> {
  readonly kind: "stream";
  readonly started: Started;
  readonly streamId: StreamId;
  /** There at the latest when `poll` answered null. */
  readonly final: Final | undefined;
  /** Stops the vendor too; it then ends with outcome `cancelled` and what was used is charged, also if nobody polls. */
  cancel(): void;
  /**
   * Calls `run` once a client that is behind has read nothing for as long as one may; the answer calls that off. Absent
   * where no client's connection reads it.
   */
  whenStalled?(run: () => void): Cancel;
}

export interface Final {
  readonly outcome: Outcome;
  readonly finishReason: string | null;
  readonly usage: Usage;
  readonly cost: Micropoints;
  /** Who gave the end of the answer. */
  readonly vendor: VendorId;
  /** All who gave a part of it, in turn; only when they were several. */
  readonly vendors?: readonly VendorId[];
  /** For every outcome but `completed`. */
  readonly error?: SluiceError;
}

export interface ModelView {
  readonly id: string;
  readonly operations: readonly Operation[];
  readonly vendors: readonly VendorId[];
}
