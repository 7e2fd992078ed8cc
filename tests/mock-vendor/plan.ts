import type { VendorRequest } from "./call.ts";
import { DEFAULT_TOKENS, type Script, TOOL_CALL_TOKENS, type ToolCall } from "./script.ts";
import type { Counts } from "./shapes.ts";

/** What will be said, before it is put into anybody's shape. */
export interface Plan {
  readonly choices: readonly PlannedChoice[];
  readonly counts: Counts;
}

export interface PlannedChoice {
  readonly reasoning: readonly string[];
  readonly pieces: readonly string[];
  readonly toolCalls: readonly (ToolCall & { readonly id: string })[];
  readonly finish: string;
}

/** With letters of one, two, three and four bytes, so that a cut can go through any of them. */
const WORDS = ["water", "flows", "through", "naïve", "gates", "水", "and", "🌊", "sluices", "über", "all"];

export function planOf(request: VendorRequest, script: Script, number: number): Plan {
  const choices = Array.from({ length: Math.max(1, request.choices) }, (_, index) =>
    planChoice(request, script, `${number}_${index}`),
  );
  const prompt = script.promptTokens ?? Math.max(1, Math.ceil(request.prompt.length / 4));
  const reasoning = sum(choices.map((choice) => choice.reasoning.length));
  const said = sum(
    choices.map((choice) => choice.pieces.length + choice.toolCalls.length * TOOL_CALL_TOKENS),
  );
  return {
    choices,
    counts: { prompt, cached: script.cachedTokens ?? 0, reasoning, completion: reasoning + said },
  };
}

/** The request's maximum holds for reasoning and answer together, reasoning first; tool calls are never cut. */
function planChoice(request: VendorRequest, script: Script, id: string): PlannedChoice {
  const most = request.maxTokens ?? Number.POSITIVE_INFINITY;
  const thoughts = Math.min(script.reasoningTokens ?? 0, most);
  const toolCalls = (script.toolCalls ?? []).map((call, index) => ({ ...call, id: `call_${id}_${index}` }));
  const wanted = toolCalls.length > 0 ? [] : piecesOf(script);
  const pieces = wanted.slice(0, most - thoughts);
  const isShort = pieces.length < wanted.length || thoughts < (script.reasoningTokens ?? 0);
  const natural = toolCalls.length > 0 ? "tool_calls" : "stop";
  return {
    reasoning: wordsOf(thoughts),
    pieces,
    toolCalls,
    finish: script.finishReason ?? (isShort ? "length" : natural),
  };
}

function piecesOf(script: Script): readonly string[] {
  if (script.text === undefined) return wordsOf(script.tokens ?? DEFAULT_TOKENS);
  return script.text.match(/\s*\S+/g) ?? [];
}

const wordsOf = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `${at === 0 ? "" : " "}${WORDS[at % WORDS.length]}`);

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
