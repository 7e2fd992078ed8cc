import type { JsonObject } from "../../core/generation.ts";
import { ownOf } from "../../core/own-of.ts";
import { isObject, listOf, numberOf, textOf } from "../json.ts";
import type { Conversation } from "./conversation.ts";
import { sampleOf } from "./schema-sample.ts";
import type { SandboxSettings } from "./settings.ts";
import { type PlannedCall, planCalls } from "./tools.ts";
import { fillerTokens, hashOf, numberedTokens, tokensOf } from "./words.ts";

/** One token of an answer. */
export type Piece =
  | { readonly kind: "reasoning" | "text"; readonly text: string }
  | {
      readonly kind: "call";
      readonly call: number;
      readonly id?: string;
      readonly name?: string;
      readonly arguments: string;
    };

/** One answer, decided before the first token leaves. */
export interface PlannedChoice {
  readonly pieces: readonly Piece[];
  readonly finish: "stop" | "length" | "tool_calls";
}

/** The most that is generated when the client sets no limit. */
const MAX_OUTPUT_TOKENS = 4_096;
/** OpenAI's default for legacy completions. */
const COMPLETION_TOKENS = 16;

const REASONING_TOKENS: Readonly<Record<string, number>> = {
  minimal: 4,
  low: 8,
  medium: 24,
  high: 64,
  xhigh: 128,
  max: 128,
};

/** Every choice of a chat request. */
export function planChat(
  body: JsonObject,
  conversation: Conversation,
  settings: SandboxSettings,
): readonly PlannedChoice[] {
  const calls = planCalls(body, conversation, settings);
  const limit = numberOf(body.max_completion_tokens) ?? numberOf(body.max_tokens) ?? MAX_OUTPUT_TOKENS;
  return Array.from({ length: choiceCount(body) }, (_, choice) => {
    const seed = hashOf(conversation.history) + choice;
    const reasoning = reasoningPieces(body, settings, seed);
    if (calls.length > 0) return limited([...reasoning, ...callPieces(calls, seed)], limit, "tool_calls");
    const whole = chatTokens(body, conversation, settings, seed);
    const text = continued(stopped(whole, body.stop), conversation.prefix);
    return limited([...reasoning, ...textPieces(text)], limit, "stop");
  });
}

/** Every choice of a legacy completion: `n` for each prompt. */
export function planCompletion(body: JsonObject, settings: SandboxSettings): readonly PlannedChoice[] {
  const limit = numberOf(body.max_tokens) ?? settings.tokens ?? COMPLETION_TOKENS;
  return promptsOf(body.prompt).flatMap((prompt) =>
    Array.from({ length: choiceCount(body) }, (_, choice) => {
      const seed = hashOf(prompt) + choice;
      const count = settings.tokens ?? 24 + (seed % 40);
      const answer = settings.verify ? numberedTokens(count) : fillerTokens(seed, count);
      const echo = body.echo === true ? [prompt] : [];
      return limited(textPieces([...echo, ...stopped(answer, body.stop)]), limit + echo.length, "stop");
    }),
  );
}

/** A prompt may be a text, several, a list of tokens, or several of these. */
export function promptsOf(prompt: unknown): readonly string[] {
  if (typeof prompt === "string") return [prompt];
  const list = listOf(prompt);
  if (list.length === 0) return [""];
  return typeof list[0] === "number"
    ? [list.join(" ")]
    : list.map((each) => textOf(each) ?? listOf(each).join(" "));
}

const choiceCount = (body: JsonObject): number => Math.min(Math.max(1, numberOf(body.n) ?? 1), 128);

function chatTokens(
  body: JsonObject,
  conversation: Conversation,
  settings: SandboxSettings,
  seed: number,
): readonly string[] {
  const format = isObject(body.response_format) ? body.response_format : {};
  const count = settings.tokens ?? 24 + (seed % 40);
  if (format.type === "json_schema") {
    const wanted = isObject(format.json_schema) ? format.json_schema.schema : undefined;
    return tokensOf(JSON.stringify(sampleOf(wanted ?? { type: "object" })));
  }
  if (format.type === "json_object") return tokensOf(JSON.stringify({ answer: speech(conversation) }));
  if (settings.verify) return numberedTokens(count);
  const opening = tokensOf(speech(conversation)).slice(0, count);
  return [...opening, ...fillerTokens(seed, count - opening.length)];
}

/** The beginning of an answer: that the sandbox has understood. */
function speech(conversation: Conversation): string {
  if (conversation.toolResults.length > 0) {
    return `The tool answered: ${shortened(conversation.toolResults.join("; "))}.`;
  }
  const asked = shortened(conversation.asked.replace(/\[\[sandbox[^\]]*\]\]/, "").trim());
  return asked === "" ? "Here is what the sandbox says:" : `You said: ${asked}.`;
}

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 79)}…` : text);

function reasoningPieces(body: JsonObject, settings: SandboxSettings, seed: number): Piece[] {
  const count = settings.reasoningTokens ?? ownOf(REASONING_TOKENS, textOf(body.reasoning_effort)) ?? 0;
  return fillerTokens(seed + 1, count).map((text) => ({ kind: "reasoning", text }));
}

const textPieces = (tokens: readonly string[]): Piece[] => tokens.map((text) => ({ kind: "text", text }));

/** Each call opens with its name and no arguments, as OpenAI's do. */
function callPieces(calls: readonly PlannedCall[], seed: number): Piece[] {
  return calls.flatMap((call, at) => {
    const id = `call_${hashOf(`${seed} ${at} ${call.name}`).toString(36).padStart(7, "0")}${at}`;
    const opening: Piece = { kind: "call", call: at, id, name: call.name, arguments: "" };
    const rest = tokensOf(call.arguments).map((text): Piece => ({ kind: "call", call: at, arguments: text }));
    return [opening, ...rest];
  });
}

/** The tokens before the first stop sequence. */
function stopped(tokens: readonly string[], stop: unknown): readonly string[] {
  const sequences = (typeof stop === "string" ? [stop] : listOf(stop))
    .map(textOf)
    .filter((text) => text !== undefined);
  const text = tokens.join("");
  const ends = sequences.map((sequence) => text.indexOf(sequence)).filter((at) => at >= 0);
  return ends.length === 0 ? tokens : firstChars(tokens, Math.min(...ends));
}

function firstChars(tokens: readonly string[], length: number): string[] {
  const kept: string[] = [];
  let left = length;
  for (const token of tokens) {
    if (left <= 0) break;
    kept.push(token.slice(0, left));
    left -= token.length;
  }
  return kept;
}

/** What follows `prefix`; the whole answer when that is not how it begins. */
function continued(tokens: readonly string[], prefix: string): readonly string[] {
  if (prefix === "" || !tokens.join("").startsWith(prefix)) return tokens;
  let skip = prefix.length;
  return tokens.flatMap((token) => {
    const rest = token.slice(Math.min(skip, token.length));
    skip = Math.max(0, skip - token.length);
    return rest === "" ? [] : [rest];
  });
}

function limited(pieces: readonly Piece[], limit: number, finish: "stop" | "tool_calls"): PlannedChoice {
  return pieces.length > limit ? { pieces: pieces.slice(0, limit), finish: "length" } : { pieces, finish };
}
