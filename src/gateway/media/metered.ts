import type { GenerationRequest } from "../../core/generation.ts";
import type { MediaRequest, MediaResult } from "../../core/media.ts";
import { costOf, type Tariff } from "../../core/price.ts";
import { isPlausible, NO_USAGE, type Usage } from "../../core/usage.ts";
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

/**
 * What was made and what it costs. A picture that the vendor refused is none; a vendor that does not say what it made,
 * or says nonsense, is charged for the pictures that are there.
 */
export function meterPictures(
  tariff: Tariff,
  { pictures, usage: told }: MediaResult,
  isBatch = false,
): Metered {
  const made = pictures.filter(({ kind }) => kind !== "refused").length;
  const isTrusted = told !== undefined && isPlausible(told);
  const flags: UsageFlag[] = [];
  if (told !== undefined && !isTrusted) flags.push("usage_implausible");
  const counted = isTrusted
    ? made < pictures.length
      ? withMost(told, made)
      : told
    : { ...NO_USAGE, images: made };
  const usage = isBatch ? { ...counted, serviceTier: BATCH_TIER } : counted;
  return { usage, cost: costOf(tariff, usage), isBillable: true, flags };
}

/** All that was asked for, as a loss: the vendor may have made it, and nobody has it. */
export function meterLost(tariff: Tariff, count: number): Metered {
  const usage = { ...NO_USAGE, images: count };
  return { usage, cost: costOf(tariff, usage), isBillable: false, flags: ["usage_estimated"] };
}

/** Some vendors count the pictures that they refused. Kinds of them can then not be told apart. */
function withMost(told: Usage, made: number): Usage {
  if (told.images <= made) return told;
  const { imageVariants: _, ...rest } = told;
  return { ...rest, images: made };
}
