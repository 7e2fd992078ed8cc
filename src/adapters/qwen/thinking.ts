import { ownOf } from "../../core/own-of.ts";
import { numberOf } from "../json.ts";
import type { RequestDraft } from "../openai-family/request-draft.ts";
import { hasEffortLevels, isOmni, onlyThinks, thinksByDefault } from "./models.ts";

/** Thinking tokens for OpenAI's levels where a model only knows a budget; above `high` the model's own maximum. */
const BUDGETS: Readonly<Record<string, number>> = { minimal: 512, low: 2_048, medium: 8_192, high: 24_576 };

/** The levels of the qwen3.8 line (Model Studio's chat reference). */
const LEVELS: Readonly<Record<string, string>> = {
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "xhigh",
  xhigh: "xhigh",
  max: "xhigh",
};

/**
 * OpenAI's `reasoning_effort` in Qwen's terms. JSON mode and thinking exclude each other; the form of the
 * answer is what the client's program depends on, so thinking gives way.
 *
 * @returns whether the model will think
 */
export function shapeThinking(draft: RequestDraft, model: string, isJsonMode: boolean): boolean {
  shapeEffort(draft, model);
  if (isJsonMode && !onlyThinks(model)) stopThinking(draft, model);
  if (draft.get("reasoning_effort") === "none") return false;
  const enabled = draft.get("enable_thinking");
  if (enabled === false && !onlyThinks(model)) return false;
  return enabled === true || draft.get("reasoning_effort") !== undefined || thinksByDefault(model);
}

function shapeEffort(draft: RequestDraft, model: string): void {
  const effort = draft.get("reasoning_effort");
  if (typeof effort !== "string") return;
  if (hasEffortLevels(model) && (effort !== "none" || isOmni(model))) {
    draft.set("reasoning_effort", ownOf(LEVELS, effort) ?? effort);
    return;
  }
  draft.remove("reasoning_effort");
  draft.set("enable_thinking", effort !== "none");
  const budget = ownOf(BUDGETS, effort);
  if (budget !== undefined && draft.get("thinking_budget") === undefined)
    draft.set("thinking_budget", budget);
}

function stopThinking(draft: RequestDraft, model: string): void {
  const isAsked = draft.get("enable_thinking") === true;
  if (isAsked) draft.note("enable_thinking");
  draft.drop("reasoning_effort", "thinking_budget");
  // Said only where it changes something: not every model knows the word.
  if (isAsked || thinksByDefault(model)) draft.set("enable_thinking", false);
}

/**
 * Qwen's `max_tokens` is not said to count thinking, which has a budget of its own; what a client limits, and
 * what is held for, is both together. So the limit is shared out between the two.
 */
export function shareLimit(draft: RequestDraft, limit: number): void {
  if (limit < 2) return;
  const asked = numberOf(draft.get("thinking_budget"));
  const budget = asked !== undefined && asked < limit ? asked : Math.floor(limit / 2);
  draft.set("thinking_budget", budget);
  draft.set("max_tokens", limit - budget);
}
