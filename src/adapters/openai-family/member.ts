import type { AdapterName, Operation } from "../../core/catalog.ts";
import type { FinishReason, GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { Usage } from "../../core/usage.ts";
import type { Continuation, Target, Transport } from "../adapter.ts";
import type { ErrorReport } from "../failure/error-body.ts";
import type { Verdict } from "../failure/verdict.ts";
import type { JudgeEvent } from "../openai-realtime/realtime.ts";
import type { Service } from "../openai-services/service.ts";
import type { RealtimeAdapter } from "../realtime-adapter.ts";
import type { RequestDraft } from "./request-draft.ts";

/**
 * What makes a vendor different from the others that speak OpenAI's chat, completions and embeddings wire.
 * Everything else is shared: see `adapter.ts` beside this file.
 */
export interface Member {
  readonly name: AdapterName;
  readonly defaultBaseUrl?: string;
  readonly operations: readonly Operation[];
  /** Lives inside the process: replaces the network. */
  readonly transport?: Transport;
  /** The whole address, from the base URL as configured. */
  url(request: GenerationRequest, target: Target): string;
  /**
   * Turns the client's body into the vendor's: renames, clamps, drops. `model` and `stream` are set already;
   * usage in streams is asked for afterwards. Throws SluiceError for what cannot be expressed.
   */
  shape(draft: RequestDraft, request: GenerationRequest, target: Target): void;
  /** The reasoning that led to a tool call must come back with it. */
  readonly wantsReasoningBack?: boolean;
  /** How it goes on with an answer that another vendor began; absent: by an instruction. */
  readonly continuation?: (request: GenerationRequest, model: string) => Continuation;
  /**
   * A raw `usage` object in the normal form; undefined when it is not one that could be meant. `holder` is the chunk or
   * the answer that it stood in.
   */
  readUsage(raw: JsonObject, holder: JsonObject): Usage | undefined;
  /** What it has beside chats, completions and embeddings. */
  readonly services?: Partial<Readonly<Record<Operation, Service>>>;
  readonly realtime?: (judge: JudgeEvent) => RealtimeAdapter;
  /** Undefined: the vendor broke off, which is no normal end. */
  finishReason(raw: string): FinishReason | undefined;
  /** The vendor's own error table; undefined: the status decides. */
  classify(report: ErrorReport): Verdict | undefined;
}

const PATHS: Readonly<Record<Operation, string>> = {
  chat: "/chat/completions",
  completion: "/completions",
  embedding: "/embeddings",
  moderation: "/moderations",
  rerank: "/rerank",
  speech: "/audio/speech",
  transcription: "/audio/transcriptions",
  translation: "/audio/translations",
  realtime: "/realtime",
  image: "/images/generations",
  image_edit: "/images/edits",
};

/** Once for each target, which the gateway makes once for each route and key. */
const knownUrls = new WeakMap<Target, Partial<Record<Operation, string>>>();

/** OpenAI's own paths below the base URL. */
export function usualUrl({ operation }: GenerationRequest, target: Target): string {
  let urls = knownUrls.get(target);
  if (urls === undefined) {
    urls = {};
    knownUrls.set(target, urls);
  }
  urls[operation] ??= target.baseUrl + PATHS[operation];
  return urls[operation];
}
