import type { FinishReason, JsonObject } from "../../core/generation.ts";
import { completionTokens, promptTokens, type Usage } from "../../core/usage.ts";
import type { AnswerNames } from "./names.ts";
import { logprobsOf, type Shown } from "./shown.ts";

/**
 * Events → OpenAI `chat.completion` body: what an adapter that translates makes of a whole answer. The same events
 * as of the stream, so that both forms of one answer cannot mean different things. Usage is taken from its last
 * event; without one the body has none.
 */
export interface CompletionBody {
  readonly body: JsonObject;
  /** Per choice, in order. A choice that never finished has none. */
  readonly finishReasons: readonly FinishReason[];
  readonly usage: Usage | undefined;
  /** UTF-16 units of text, reasoning, refusal, tool names and arguments. */
  readonly outputChars: number;
}

/** The body of what was shown, under the names that the answer has. */
export function completionBody(names: AnswerNames, shown: readonly Shown[]): CompletionBody {
  const choices = new Map<number, Choice>();
  let usage: Usage | undefined;
  let outputChars = 0;
  for (const item of shown) {
    if (item.type === "usage") usage = item.usage;
    if (item.type === "usage" || item.type === "failure" || item.type === "end") continue;
    outputChars += take(choiceAt(choices, item.choice), item);
  }
  const inOrder = [...choices].sort(([a], [b]) => a - b);
  const { id, created, model } = names;
  return {
    body: {
      id,
      object: "chat.completion",
      created,
      model,
      choices: inOrder.map(([index, choice]) => wholeChoice(index, choice)),
      ...(usage === undefined ? {} : { usage: openAiUsage(usage) }),
    },
    finishReasons: inOrder.flatMap(([, { finish }]) => (finish === null ? [] : [finish])),
    usage,
    outputChars,
  };
}

/** Usage as OpenAI's body says it: cached tokens are part of the prompt, reasoning is part of the completion. */
function openAiUsage(usage: Usage): JsonObject {
  const prompt = promptTokens(usage);
  const completion = completionTokens(usage);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInput,
      cache_write_tokens: usage.cacheWrite + (usage.cacheWriteLong ?? 0),
      ...soundTokens(usage.audioInput),
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoning, ...soundTokens(usage.audioOutput) },
  };
}

const soundTokens = (count: number | undefined): JsonObject =>
  count === undefined ? {} : { audio_tokens: count };

interface Choice {
  text: string;
  reasoning: string;
  refusal: string;
  /** By their numbers, which are the vendor's: a list would be as long as the highest of them. */
  readonly calls: Map<number, Call>;
  extension: JsonObject;
  readonly logprobs: JsonObject[];
  finish: FinishReason | null;
}

interface Call {
  id: string;
  name: string;
  arguments: string;
  extension: JsonObject;
}

function choiceAt(choices: Map<number, Choice>, index: number): Choice {
  const known = choices.get(index);
  if (known !== undefined) return known;
  const words = { text: "", reasoning: "", refusal: "" };
  const fresh: Choice = { ...words, calls: new Map(), extension: {}, logprobs: [], finish: null };
  choices.set(index, fresh);
  return fresh;
}

function callAt({ calls }: Choice, at: number): Call {
  const call = calls.get(at) ?? { id: "", name: "", arguments: "", extension: {} };
  calls.set(at, call);
  return call;
}

type Piece = Exclude<Shown, { readonly type: "usage" | "failure" | "end" }>;

/** Adds a piece to its choice. Answers how many characters were generated with it. */
function take(choice: Choice, piece: Piece): number {
  switch (piece.type) {
    case "text":
    case "reasoning":
    case "refusal":
      choice[piece.type] += piece.text;
      choice.logprobs.push(...(logprobsOf(piece) ?? []));
      return piece.text.length;
    case "toolCall": {
      const call = callAt(choice, piece.call);
      call.id = piece.id ?? call.id;
      call.name = piece.name ?? call.name;
      call.arguments += piece.arguments;
      return (piece.name ?? "").length + piece.arguments.length;
    }
    case "extension": {
      const holder = piece.call === undefined ? choice : callAt(choice, piece.call);
      holder.extension = { ...holder.extension, ...piece.fields };
      return 0;
    }
    case "finish":
      choice.finish = piece.reason;
      return 0;
  }
}

function wholeChoice(index: number, choice: Choice): JsonObject {
  const calls = [...choice.calls].sort(([a], [b]) => a - b).map(([, call]) => call);
  const message = {
    role: "assistant",
    content: choice.text === "" && (calls.length > 0 || choice.refusal !== "") ? null : choice.text,
    refusal: choice.refusal === "" ? null : choice.refusal,
    ...(choice.reasoning === "" ? {} : { reasoning_content: choice.reasoning }),
    ...choice.extension,
    ...(calls.length === 0 ? {} : { tool_calls: calls.map(wholeCall) }),
  };
  const logprobs = choice.logprobs.length === 0 ? null : { content: choice.logprobs, refusal: null };
  return { index, message, logprobs, finish_reason: choice.finish };
}

const wholeCall = ({ id, name, arguments: text, extension }: Call): JsonObject => ({
  id,
  type: "function",
  function: { name, arguments: text },
  ...extension,
});
