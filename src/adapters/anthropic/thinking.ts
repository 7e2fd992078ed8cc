import type { JsonObject } from "../../core/generation.ts";
import { ownOf } from "../../core/own-of.ts";
import { isObject, numberOf } from "../json.ts";
import type { RequestDraft } from "../openai-family/request-draft.ts";
import type { Traits } from "./models.ts";

/** The least that Anthropic takes as a budget; it must be below `max_tokens`. */
const LEAST_BUDGET = 1_024;

/** Thinking tokens for OpenAI's levels where a model only knows a budget. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: LEAST_BUDGET,
  low: 2_048,
  medium: 8_192,
  high: 24_576,
  xhigh: 32_768,
  max: 32_768,
};

/** OpenAI's levels as efforts. */
const EFFORTS: Readonly<Record<string, string>> = {
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "xhigh",
  max: "max",
};

export interface Circumstances {
  readonly maxTokens: number;
  /** A tool must be called: Anthropic refuses that while thinking. */
  readonly isForced: boolean;
  /** Thoughts that tool calls came from are missing: refused while thinking by a budget. */
  readonly lacksThoughts: boolean;
}

/**
 * `reasoning_effort`, or Anthropic's own `thinking` as an extension, in the model's terms. What a client's
 * program depends on (a forced call, an open one) goes before thinking.
 * @returns the effort for `output_config`
 */
export function shapeThinking(
  draft: RequestDraft,
  traits: Traits,
  around: Circumstances,
): string | undefined {
  const given = draft.get("thinking");
  const effort = draft.get("reasoning_effort");
  draft.remove("thinking", "reasoning_effort");
  const isAsked = isObject(given)
    ? given.type !== "disabled"
    : typeof effort === "string" && effort !== "none";
  if (isMuted(traits, around)) {
    if (isAsked) draft.note(isObject(given) ? "thinking" : "reasoning_effort");
    if (traits.thinksUnasked) draft.set("thinking", OFF);
    return undefined;
  }
  if (isObject(given)) {
    const thinking = withinLimit(given, around.maxTokens);
    if (thinking === undefined) draft.note("thinking");
    else draft.set("thinking", thinking);
    return undefined;
  }
  if (typeof effort !== "string") return undefined;
  if (effort === "none") return withoutThinking(draft, traits);
  const thinking = thinkingFor(effort, traits, around.maxTokens);
  if (thinking === undefined) draft.note("reasoning_effort");
  else draft.set("thinking", thinking);
  return traits.thinking === "adaptive" ? effortFor(effort, traits) : undefined;
}

const OFF: JsonObject = { type: "disabled" };

function isMuted(traits: Traits, { isForced, lacksThoughts }: Circumstances): boolean {
  if (traits.alwaysThinks) return false;
  return isForced || (lacksThoughts && traits.thinking === "manual");
}

function withoutThinking(draft: RequestDraft, traits: Traits): string | undefined {
  if (traits.alwaysThinks) {
    draft.note("reasoning_effort");
    return "low";
  }
  if (traits.thinksUnasked) draft.set("thinking", OFF);
  return undefined;
}

function thinkingFor(effort: string, traits: Traits, maxTokens: number): JsonObject | undefined {
  switch (traits.thinking) {
    case "none":
      return undefined;
    case "manual":
      return withinLimit(
        { type: "enabled", budget_tokens: ownOf(BUDGETS, effort) ?? LEAST_BUDGET },
        maxTokens,
      );
    case "adaptive":
      // Newer models leave their thoughts out of the answer unless they are asked for.
      return traits.takesSampling ? { type: "adaptive" } : { type: "adaptive", display: "summarized" };
  }
}

function effortFor(effort: string, traits: Traits): string | undefined {
  const level = ownOf(EFFORTS, effort);
  return level === "xhigh" && !traits.takesExtraHigh ? "high" : level;
}

/** A budget that leaves half of the limit to the answer; undefined when that is less than there must be. */
export function withinLimit(thinking: JsonObject, maxTokens: number): JsonObject | undefined {
  const budget = numberOf(thinking.budget_tokens);
  if (budget === undefined || budget < maxTokens) return thinking;
  const half = Math.floor(maxTokens / 2);
  return half < LEAST_BUDGET ? undefined : { ...thinking, budget_tokens: half };
}

/** `temperature`, `top_p` and `top_k`, as far as the model takes them; told where they asked for something. */
export function shapeSampling(draft: RequestDraft, traits: Traits): void {
  for (const name of ["temperature", "top_p"]) if (draft.get(name) === 1) draft.remove(name);
  const thinking = draft.get("thinking");
  const isThinking = isObject(thinking) ? thinking.type !== "disabled" : traits.thinksUnasked;
  if (!traits.takesSampling || isThinking) {
    draft.drop("temperature", "top_p", "top_k");
    return;
  }
  const temperature = numberOf(draft.get("temperature"));
  // From 4.5 on, one of the two; both mean the same wish.
  if (temperature !== undefined && traits.takesSchemas) draft.drop("top_p");
  if (temperature === undefined || temperature <= 1) return;
  draft.note("temperature");
  draft.set("temperature", 1);
}
