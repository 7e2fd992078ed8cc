import type { JsonObject } from "../../core/generation.ts";
import { numberOf, objectOf, textOf } from "../json.ts";
import type { RequestDraft } from "../openai-family/request-draft.ts";
import type { Traits } from "./models.ts";

/** Thinking tokens for OpenAI's levels: the table of Google's own compatible layer; beyond it, its highest. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1_024,
  low: 1_024,
  medium: 8_192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};

const LEVELS: Readonly<Record<string, string>> = {
  minimal: "MINIMAL",
  low: "LOW",
  medium: "MEDIUM",
  high: "HIGH",
  xhigh: "HIGH",
  max: "HIGH",
};

/**
 * `reasoning_effort`, or Google's own `extra_body.google.thinking_config` as its compatible layer has it, as
 * `thinkingConfig`. Whoever asks for thoughts is shown them.
 * @returns undefined where nothing was asked for
 */
export function shapeThinking(draft: RequestDraft, traits: Traits): JsonObject | undefined {
  const given = givenConfig(draft);
  const effort = draft.get("reasoning_effort");
  draft.remove("reasoning_effort");
  if (given !== undefined) return given;
  if (typeof effort !== "string") return undefined;
  if (effort === "none") return atRest(draft, traits);
  if (traits.thinking === "none" || !Object.hasOwn(LEVELS, effort)) {
    draft.note("reasoning_effort");
    return undefined;
  }
  if (traits.thinking === "budget") return { thinkingBudget: BUDGETS[effort], includeThoughts: true };
  const level = LEVELS[effort];
  return { thinkingLevel: level === "MINIMAL" ? traits.leastLevel : level, includeThoughts: true };
}

/** Not to think; or as little as there is, and that is told. */
function atRest(draft: RequestDraft, traits: Traits): JsonObject | undefined {
  if (traits.thinking === "none") return undefined;
  if (traits.canRest) return { thinkingBudget: 0 };
  draft.note("reasoning_effort");
  return traits.thinking === "budget"
    ? { thinkingBudget: BUDGETS.minimal }
    : { thinkingLevel: traits.leastLevel };
}

/** What else stands in `extra_body` is given up, and told. */
function givenConfig(draft: RequestDraft): JsonObject | undefined {
  const body = objectOf(draft.get("extra_body"));
  const google = objectOf(body?.google);
  const config = objectOf(google?.thinking_config);
  const isAll = Object.keys(body ?? {}).length === 1 && Object.keys(google ?? {}).length === 1;
  if (config === undefined || !isAll) draft.drop("extra_body");
  draft.remove("extra_body");
  if (config === undefined) return undefined;
  const budget = numberOf(config.thinking_budget);
  const level = textOf(config.thinking_level)?.toUpperCase();
  return {
    ...(budget === undefined ? {} : { thinkingBudget: budget }),
    ...(level === undefined ? {} : { thinkingLevel: level }),
    ...(typeof config.include_thoughts === "boolean" ? { includeThoughts: config.include_thoughts } : {}),
  };
}
