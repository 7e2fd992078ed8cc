import type { JsonObject } from "../../core/generation.ts";
import { numberOf } from "../json.ts";
import type { Piece, PlannedChoice } from "./plan.ts";
import type { SandboxSettings } from "./settings.ts";
import { hashOf } from "./words.ts";

/** What all chunks of one answer share. */
export interface Head {
  readonly isChat: boolean;
  readonly id: string;
  readonly model: string;
  /** Epoch seconds. */
  readonly created: number;
  /** Alternatives for each token, undefined when log probabilities were not asked for. */
  readonly topLogprobs: number | undefined;
}

/** `logprobs` and `top_logprobs` of chat, or the number that legacy completions take. */
export function wantedLogprobs(body: JsonObject): number | undefined {
  if (body.logprobs === true) return numberOf(body.top_logprobs) ?? 0;
  return numberOf(body.logprobs);
}

/** OpenAI's usage object: exact, as each piece is one token. */
export function usageOf(
  choices: readonly PlannedChoice[],
  promptTokens: number,
  settings: SandboxSettings,
): JsonObject {
  if (settings.usage === "implausible")
    return { prompt_tokens: -1, completion_tokens: 1e12, total_tokens: 0 };
  const pieces = choices.flatMap((choice) => choice.pieces);
  const reasoning = pieces.filter((piece) => piece.kind === "reasoning").length;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: pieces.length,
    total_tokens: promptTokens + pieces.length,
    prompt_tokens_details: { cached_tokens: Math.min(settings.cachedTokens, promptTokens), audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: 0 },
  };
}

/** The first chunk of a chat choice: only the role. */
export const roleChunk = (head: Head, index: number): JsonObject =>
  chunkOf(head, [
    { index, delta: { role: "assistant", content: "", refusal: null }, logprobs: null, finish_reason: null },
  ]);

export const pieceChunk = (head: Head, index: number, piece: Piece): JsonObject =>
  chunkOf(head, [
    head.isChat
      ? { index, delta: deltaOf(piece), logprobs: chatLogprobs(head, [piece]), finish_reason: null }
      : { index, text: textOfPiece(piece), logprobs: legacyLogprobs(head, [piece]), finish_reason: null },
  ]);

export const finishChunk = (head: Head, index: number, reason: string): JsonObject =>
  chunkOf(head, [
    { index, ...(head.isChat ? { delta: {} } : { text: "" }), logprobs: null, finish_reason: reason },
  ]);

export const usageChunk = (head: Head, usage: JsonObject): JsonObject => ({ ...chunkOf(head, []), usage });

function chunkOf(head: Head, choices: readonly JsonObject[]): JsonObject {
  const { id, created, model } = head;
  const object = head.isChat ? "chat.completion.chunk" : "text_completion";
  return { id, object, created, model, system_fingerprint: "fp_sandbox", choices, usage: null };
}

function deltaOf(piece: Piece): JsonObject {
  if (piece.kind === "reasoning") return { reasoning_content: piece.text };
  if (piece.kind !== "call") return { content: piece.text };
  const { call, id, name } = piece;
  const called = { ...(name === undefined ? {} : { name }), arguments: piece.arguments };
  return {
    tool_calls: [{ index: call, ...(id === undefined ? {} : { id, type: "function" }), function: called }],
  };
}

/** The whole answer, not streamed. */
export function wholeAnswer(
  head: Head,
  choices: readonly PlannedChoice[],
  usage: JsonObject | undefined,
): JsonObject {
  const { id, created, model } = head;
  return {
    id,
    object: head.isChat ? "chat.completion" : "text_completion",
    created,
    model,
    choices: choices.map((choice, index) => ({
      index,
      ...(head.isChat ? { message: messageOf(choice) } : { text: joined(choice, "text") }),
      logprobs: head.isChat ? chatLogprobs(head, choice.pieces) : legacyLogprobs(head, choice.pieces),
      finish_reason: choice.finish,
    })),
    ...(usage === undefined ? {} : { usage }),
    system_fingerprint: "fp_sandbox",
  };
}

function messageOf(choice: PlannedChoice): JsonObject {
  const reasoning = joined(choice, "reasoning");
  const calls = callsOf(choice);
  return {
    role: "assistant",
    content: calls.length > 0 ? null : joined(choice, "text"),
    refusal: null,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

const joined = (choice: PlannedChoice, kind: "text" | "reasoning"): string =>
  choice.pieces.map((piece) => (piece.kind === kind ? piece.text : "")).join("");

function callsOf(choice: PlannedChoice): readonly JsonObject[] {
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const piece of choice.pieces) {
    if (piece.kind !== "call") continue;
    const call = calls[piece.call] ?? { id: "", name: "", arguments: "" };
    calls[piece.call] = call;
    call.id = piece.id ?? call.id;
    call.name = piece.name ?? call.name;
    call.arguments += piece.arguments;
  }
  return calls.map(({ id, name, arguments: text }) => ({
    id,
    type: "function",
    function: { name, arguments: text },
  }));
}

const textOfPiece = (piece: Piece): string => (piece.kind === "call" ? piece.arguments : piece.text);

function chatLogprobs(head: Head, pieces: readonly Piece[]): JsonObject | null {
  if (head.topLogprobs === undefined) return null;
  const texts = pieces.filter((piece) => piece.kind === "text").map(textOfPiece);
  return {
    content: texts.map((text) => ({ ...ranked(text, 0), top_logprobs: alternatives(head, text) })),
    refusal: null,
  };
}

/** The older form: parallel lists. */
function legacyLogprobs(head: Head, pieces: readonly Piece[]): JsonObject | null {
  if (head.topLogprobs === undefined) return null;
  const texts = pieces.map(textOfPiece);
  return {
    tokens: texts,
    token_logprobs: texts.map((text) => logprobOf(text, 0)),
    top_logprobs: texts.map((text) =>
      Object.fromEntries(alternatives(head, text).map((each) => [each.token, each.logprob])),
    ),
    text_offset: texts.map((_, at) => texts.slice(0, at).join("").length),
  };
}

const alternatives = (head: Head, text: string): readonly Ranked[] =>
  Array.from({ length: Math.min(head.topLogprobs ?? 0, 20) }, (_, rank) =>
    ranked(rank === 0 ? text : `${text}${rank}`, rank),
  );

interface Ranked {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
}

const ranked = (token: string, rank: number): Ranked => ({
  token,
  logprob: logprobOf(token, rank),
  bytes: [...Buffer.from(token)],
});

/** Between −0.001 and −0.5 for the chosen token, lower for each rank below. */
const logprobOf = (token: string, rank: number): number => -(((hashOf(token) % 500) + 1) / 1_000) - rank;
