import type { Delivered } from "../adapters/adapter.ts";
import type { GenerationRequest, Outcome } from "../core/generation.ts";
import { type Micropoints, ZERO } from "../core/points.ts";
import { costOf, type Price } from "../core/price.ts";
import { isPlausible, NO_USAGE, type Usage } from "../core/usage.ts";
import type { UsageFlag } from "../ledger/records.ts";
import { likelyOutputTokens, likelyPromptTokens } from "./requests/prompt-tokens.ts";

/** What a generation consumed and what it costs before anybody asks who pays. */
export interface Metered {
  readonly usage: Usage;
  readonly cost: Micropoints;
  /** False: the platform bears it (an answer that failed is not the client's to pay). */
  readonly isBillable: boolean;
  readonly flags: readonly UsageFlag[];
}

/**
 * Turns what the vendor told, or did not tell, into points. A vendor that never told its usage, or told
 * nonsense, is charged for what was delivered, and the record says so.
 */
export function meter(
  price: Price,
  request: GenerationRequest,
  told: Usage | undefined,
  delivered: Delivered,
  outcome: Outcome,
): Metered {
  const isTrusted = told !== undefined && isPlausible(told);
  const usage = isTrusted ? told : estimate(request, delivered);
  const flags: UsageFlag[] = [];
  if (told === undefined) flags.push("usage_estimated");
  else if (!isTrusted) flags.push("usage_implausible");
  return { usage, cost: costOf(price, usage), isBillable: outcome !== "failed", flags };
}

/** The likely usage behind what was delivered. */
export function estimate(request: GenerationRequest, delivered: Delivered): Usage {
  const total = likelyOutputTokens(delivered.frames, delivered.chars + delivered.reasoningChars);
  const chars = delivered.chars + delivered.reasoningChars;
  const reasoning = chars === 0 ? 0 : Math.round((total * delivered.reasoningChars) / chars);
  return {
    ...NO_USAGE,
    input: likelyPromptTokens(request.promptTokens),
    output: total - reasoning,
    reasoning,
  };
}

/** Nothing consumed: a request that no vendor took. */
export const NOTHING: Metered = { usage: NO_USAGE, cost: ZERO, isBillable: false, flags: [] };
