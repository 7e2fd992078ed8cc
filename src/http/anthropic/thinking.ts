import type { JsonObject } from "../../core/generation.ts";
import { asObject, invalid } from "../../gateway/requests/fields.ts";

/** Budgets up to which a level is meant; beyond the last it is `high`. */
const LEVELS: readonly (readonly [budget: number, effort: string])[] = [
  [4_096, "low"],
  [16_384, "medium"],
];

/** @param budget tokens */
export const effortOfBudget = (budget: number): string =>
  LEVELS.find(([most]) => budget <= most)?.[1] ?? "high";

/**
 * How much the model is to think, as chat's `reasoning_effort`; undefined: as the vendor has it.
 * @throws SluiceError `invalid_request` for what is no form of thinking
 */
export function effortOf(body: JsonObject): string | undefined {
  const effort = body.output_config === undefined ? undefined : effortIn(body.output_config);
  if (body.thinking === undefined || body.thinking === null) return effort;
  const { type, budget_tokens: budget } = asObject(body.thinking, "thinking");
  switch (type) {
    case "disabled":
      return "none";
    case "adaptive":
      return effort ?? "medium";
    case "enabled":
      if (typeof budget !== "number") throw invalid("thinking.budget_tokens", "must be an integer");
      return effortOfBudget(budget);
    default:
      throw invalid("thinking.type", "must be 'enabled', 'adaptive' or 'disabled'");
  }
}

/** Anthropic's levels are chat's but for the highest. */
function effortIn(config: unknown): string | undefined {
  if (config === null) return undefined;
  const { effort } = asObject(config, "output_config");
  if (effort === undefined || effort === null) return undefined;
  if (typeof effort !== "string") throw invalid("output_config.effort", "must be a string");
  return effort === "max" ? "xhigh" : effort;
}
