import type { Delivered } from "../adapters/adapter.ts";
import { writesText } from "../core/catalog.ts";
import type { GenerationRequest, Outcome } from "../core/generation.ts";
import { likelyPromptTokens } from "../core/likely-tokens.ts";
import { add, type Micropoints, ZERO } from "../core/points.ts";
import { costOf, type Tariff } from "../core/price.ts";
import { isPlausible, NO_USAGE, plus, type Usage } from "../core/usage.ts";
import type { UsageFlag } from "../ledger/records.ts";
import { countedHere, estimateUnits, isBeyondReason } from "./estimate-units.ts";
import { likelyOutputTokens } from "./requests/prompt-tokens.ts";

/** As vendors' tokens mostly are. */
const CHARS_PER_TOKEN = 4;

/** The tier by whose price a batch's lines are charged. */
export const BATCH_TIER = "batch";

/** What a generation consumed and what it costs before anybody asks who pays. */
export interface Metered {
  readonly usage: Usage;
  readonly cost: Micropoints;
  /** False: the platform bears it (an answer that failed is not the client's to pay). */
  readonly isBillable: boolean;
  /** What else a vendor may have done, which nobody was given: the platform bears it, whoever pays for the rest. */
  readonly lost?: Micropoints;
  readonly flags: readonly UsageFlag[];
}

/**
 * Turns what the vendor told, or did not tell, into points. A vendor that never told its usage, or told
 * nonsense, is charged for what was delivered, and the record says so.
 * @param tariff the price in force when the request was admitted
 * @param since what was delivered after the usage was told
 */
export function meter(
  tariff: Tariff,
  request: GenerationRequest,
  told: Usage | undefined,
  delivered: Delivered,
  outcome: Outcome,
  since = NOTHING_DELIVERED,
): Metered {
  if (!writesText(request.operation)) return meterUnits(tariff, request, told, delivered, outcome);
  const isTrusted = told !== undefined && isPlausible(told);
  // Told before the last content: the answer broke off, or the vendor's last word was missing or nonsense.
  const isStale = since.frames > 0;
  const counted = !isTrusted ? estimate(request, delivered) : isStale ? withLater(told, since) : told;
  const usage = request.isBatch === true ? { ...counted, serviceTier: BATCH_TIER } : counted;
  let flags = NO_FLAGS;
  if (told === undefined || (isTrusted && isStale)) flags = ESTIMATED;
  else if (!isTrusted) flags = IMPLAUSIBLE;
  return { usage, cost: costOf(tariff, usage), isBillable: outcome !== "failed", flags };
}

export const NO_FLAGS: readonly UsageFlag[] = [];
const ESTIMATED: readonly UsageFlag[] = ["usage_estimated"];
const IMPLAUSIBLE: readonly UsageFlag[] = ["usage_implausible"];

/**
 * What is neither a chat nor a completion. Some of it is counted here (characters read aloud), some vendors tell nothing
 * that the price knows: then what is likely is charged, and never nothing. It is flagged where it changes the charge.
 */
function meterUnits(
  tariff: Tariff,
  request: GenerationRequest,
  told: Usage | undefined,
  delivered: Delivered,
  outcome: Outcome,
): Metered {
  const isBillable = outcome !== "failed";
  const own = { ...NO_USAGE, ...countedHere(request) };
  const isTrusted = told !== undefined && isPlausible(told) && !isBeyondReason(request, told);
  if (isTrusted) {
    // Some vendors count characters in their own way, and tell.
    const usage = told.characters === undefined ? plus(told, own) : told;
    const cost = costOf(tariff, usage);
    if (cost > ZERO || tariff.kind === "free") return { usage, cost, isBillable, flags: NO_FLAGS };
  }
  const exact = costOf(tariff, own);
  const likely = estimate(request, delivered);
  const cost = costOf(tariff, likely);
  if (cost === exact && told === undefined) return { usage: own, cost, isBillable, flags: NO_FLAGS };
  const flags = told === undefined || isTrusted ? ESTIMATED : IMPLAUSIBLE;
  return { usage: likely, cost, isBillable, flags };
}

/** The likely usage behind what was delivered; never more than the client asked for. */
export function estimate(request: GenerationRequest, delivered: Delivered): Usage {
  if (!writesText(request.operation)) {
    return plus(estimateUnits(request, delivered), { ...NO_USAGE, ...countedHere(request) });
  }
  const { maxOutputTokens = Number.POSITIVE_INFINITY, choices } = request;
  const seen = likelyOutputTokens(delivered.frames, delivered.chars + delivered.reasoningChars);
  const total = Math.min(seen, maxOutputTokens * choices);
  const chars = delivered.chars + delivered.reasoningChars;
  const reasoning = chars === 0 ? 0 : Math.round((total * delivered.reasoningChars) / chars);
  return {
    ...NO_USAGE,
    input: likelyPromptTokens(request.promptTokens),
    output: total - reasoning,
    reasoning,
  };
}

/** A usage with the likely tokens of what was delivered after it was told. */
export function withLater(told: Usage, { frames, chars, reasoningChars }: Delivered): Usage {
  if (frames === 0) return told;
  const total = likelyOutputTokens(frames, chars + reasoningChars);
  const reasoning = Math.round((total * reasoningChars) / Math.max(1, chars + reasoningChars));
  return { ...told, output: told.output + total - reasoning, reasoning: told.reasoning + reasoning };
}

/** The least that was delivered, in tokens: what a limit that the client set is lowered by for who goes on. */
export function leastOutputTokens(
  told: Usage | undefined,
  { frames, chars, reasoningChars }: Delivered,
): number {
  if (told !== undefined && isPlausible(told)) return told.output + told.reasoning;
  return Math.min(frames, Math.floor((chars + reasoningChars) / CHARS_PER_TOKEN));
}

/** What several vendors consumed for one answer. */
export function sumOf(parts: readonly Metered[], isBillable: boolean): Metered {
  return {
    usage: parts.reduce((sum, { usage }) => plus(sum, usage), NO_USAGE),
    cost: parts.reduce((sum, { cost }) => add(sum, cost), ZERO),
    isBillable,
    flags: [...new Set(parts.flatMap(({ flags }) => flags))],
  };
}

export const NOTHING_DELIVERED: Delivered = { frames: 0, chars: 0, reasoningChars: 0 };

/** Nothing consumed: a request that no vendor took. */
export const NOTHING: Metered = { usage: NO_USAGE, cost: ZERO, isBillable: false, flags: NO_FLAGS };
