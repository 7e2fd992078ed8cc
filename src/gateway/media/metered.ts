import type { GenerationRequest } from "../../core/generation.ts";
import type { MediaRequest, MediaResult } from "../../core/media.ts";
import { costOf, type Tariff } from "../../core/price.ts";
import { completionTokens, isPlausible, NO_USAGE, type Usage } from "../../core/usage.ts";
import type { UsageFlag } from "../../ledger/records.ts";
import { BATCH_TIER, type Metered } from "../meter.ts";
import { promptTokensForHold } from "../requests/prompt-tokens.ts";

/** Held for each picture to work from: the most that a vendor counts for one (OpenAI, high fidelity). */
const TOKENS_OF_AN_INPUT = 6_500;

/** What routing, limits and the hold must know of a job for pictures; nobody sends it anywhere. */
export function meteredAs(
  request: Pick<MediaRequest, "operation" | "model" | "prompt" | "negativePrompt" | "count"> & {
    readonly inputs: { readonly length: number };
    readonly mask?: unknown;
  },
): GenerationRequest {
  const words = Buffer.byteLength(request.prompt ?? "") + Buffer.byteLength(request.negativePrompt ?? "");
  const pictures = request.inputs.length + (request.mask === undefined ? 0 : 1);
  return {
    operation: request.operation,
    model: request.model,
    stream: false,
    includeUsage: false,
    body: {},
    choices: request.count,
    promptTokens: promptTokensForHold(words) + pictures * TOKENS_OF_AN_INPUT,
    usesTools: false,
    usesImages: pictures > 0,
  };
}

/** What a job is charged by. */
export interface PictureTerms {
  readonly tariff: Tariff;
  /** Tokens that one picture can be counted as: what it was held for. */
  readonly mostTokens: number;
  /** Pictures that were asked for. */
  readonly asked: number;
}

/**
 * What was made and what it costs. A picture that the vendor refused is none. A vendor that does not say what it made, or
 * says nonsense, is charged for the pictures that are there: at their most where they are priced by tokens.
 */
export function meterPictures(
  terms: PictureTerms,
  { pictures, usage: told, lost = 0 }: MediaResult,
  isBatch = false,
): Metered {
  const made = pictures.filter(({ kind }) => kind !== "refused").length;
  const isPlausibleUsage = told !== undefined && isPlausible(told);
  const flags: UsageFlag[] = [];
  if (told !== undefined && !isPlausibleUsage) flags.push("usage_implausible");
  const estimate = estimated(terms, Math.min(made, terms.asked));
  // A number of pictures says nothing of what tokens cost.
  const isTrusted = isPlausibleUsage && (estimate.imageOutput === undefined || completionTokens(told) > 0);
  if (!isTrusted && estimate.imageOutput !== undefined) flags.push("usage_estimated");
  const counted = isTrusted ? withMost(told, made < pictures.length ? made : terms.asked) : estimate;
  const usage = isBatch ? { ...counted, serviceTier: BATCH_TIER } : counted;
  const metered: Metered = { usage, cost: costOf(terms.tariff, usage), isBillable: true, flags };
  return lost === 0 ? metered : { ...metered, lost: meterLost(terms, lost).cost };
}

/** All that was asked for, as a loss: the vendor may have made it, and nobody has it. */
export function meterLost(terms: Omit<PictureTerms, "asked">, count: number): Metered {
  const usage = estimated(terms, count);
  return { usage, cost: costOf(terms.tariff, usage), isBillable: false, flags: ["usage_estimated"] };
}

/** Pictures of which nothing but their number is known. */
function estimated({ tariff, mostTokens }: Omit<PictureTerms, "asked">, images: number): Usage {
  const usage = { ...NO_USAGE, images };
  // A price by the picture or by the call says it all.
  if (images === 0 || costOf(tariff, usage) > 0n) return usage;
  const byTokens = { ...usage, imageOutput: images * mostTokens };
  return costOf(tariff, byTokens) > 0n ? byTokens : usage;
}

/**
 * Some vendors count the pictures that they refused, and nobody pays for more than was asked and held for. Kinds of them can
 * then not be told apart.
 */
function withMost(told: Usage, most: number): Usage {
  if (told.images <= most) return told;
  const { imageVariants: _, ...rest } = told;
  return { ...rest, images: most };
}
