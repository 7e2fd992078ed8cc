import type { JsonObject } from "../../core/generation.ts";
import {
  compact,
  completionTokens,
  isPlausible,
  NO_USAGE,
  promptTokens,
  type Usage,
} from "../../core/usage.ts";
import { isObject, listOf, objectOf } from "../json.ts";

/** Where a vendor's usage object hides what; everything else is shared. */
export interface UsageFields {
  /** Looked at when `prompt_tokens_details.cached_tokens` is absent. */
  readonly cachedField?: string;
  /** Inside `prompt_tokens_details`. */
  readonly cacheWriteField?: string;
  /** Some count reasoning beside the completion instead of in it; the total tells. */
  readonly mayExcludeReasoning?: boolean;
}

/**
 * OpenAI-shaped usage in the normal form. There, cached and written tokens, sound and pictures are part of the prompt,
 * reasoning and sound part of the completion. Undefined when a count is missing, negative, no whole number or
 * contradicts another; also for all zeros, which is how some write "not counted yet".
 */
export function usageOf(raw: JsonObject, fields: UsageFields = {}): Usage | undefined {
  if (!isObject(raw.prompt_tokens_details) && !isObject(raw.completion_tokens_details)) {
    const plain = plainUsageOf(raw, fields);
    if (plain !== undefined) return plain;
  }
  const prompt = countOf(raw.prompt_tokens);
  const completion = countOf(raw.completion_tokens ?? 0);
  const promptDetails = objectOf(raw.prompt_tokens_details) ?? {};
  const cached = countOf(
    promptDetails.cached_tokens ?? (fields.cachedField === undefined ? 0 : raw[fields.cachedField]) ?? 0,
  );
  const written = countOf(promptDetails[fields.cacheWriteField ?? "cache_write_tokens"] ?? 0);
  const details = objectOf(raw.completion_tokens_details) ?? {};
  const reasoning = countOf(details.reasoning_tokens ?? 0);
  if (prompt === undefined || completion === undefined) return undefined;
  if (cached === undefined || written === undefined || reasoning === undefined) return undefined;
  const isBeside =
    fields.mayExcludeReasoning === true &&
    reasoning > 0 &&
    countOf(raw.total_tokens) === prompt + completion + reasoning;
  const read = mediaInput(promptDetails, prompt - cached - written);
  const made = mediaOutput(details);
  if (read === undefined || made === undefined) return undefined;
  const usage = compact({
    ...NO_USAGE,
    input: prompt - cached - written - read.audioInput - read.imageInput,
    cachedInput: cached,
    cacheWrite: written,
    ...read,
    output: (isBeside ? completion : completion - reasoning) - made.audioOutput - made.imageOutput,
    reasoning,
    ...made,
  });
  if (!isPlausible(usage)) return undefined;
  return promptTokens(usage) + completionTokens(usage) === 0 ? undefined : usage;
}

/** Most tell two counts and no details. Undefined where more is to be looked at. */
function plainUsageOf(raw: JsonObject, { cachedField }: UsageFields): Usage | undefined {
  const input = countOf(raw.prompt_tokens);
  const output = countOf(raw.completion_tokens);
  if (input === undefined || output === undefined || input + output === 0) return undefined;
  if (cachedField !== undefined && raw[cachedField] !== undefined) return undefined;
  const usage = { input, cachedInput: 0, cacheWrite: 0, output, reasoning: 0, images: 0, seconds: 0 };
  return isPlausible(usage) ? usage : undefined;
}

/** Nobody tells which kind was cached: text is taken for it first, since sound and pictures are the dearer ones. */
function mediaInput(
  details: JsonObject,
  uncached: number,
): { readonly audioInput: number; readonly imageInput: number } | undefined {
  const [audio, image] = [countOf(details.audio_tokens ?? 0), countOf(details.image_tokens ?? 0)];
  if (audio === undefined || image === undefined || audio < 0 || image < 0) return undefined;
  const audioInput = Math.min(audio, Math.max(0, uncached));
  return { audioInput, imageInput: Math.min(image, Math.max(0, uncached - audioInput)) };
}

function mediaOutput(
  details: JsonObject,
): { readonly audioOutput: number; readonly imageOutput: number } | undefined {
  const [audioOutput, imageOutput] = [countOf(details.audio_tokens ?? 0), countOf(details.image_tokens ?? 0)];
  return audioOutput === undefined || imageOutput === undefined ? undefined : { audioOutput, imageOutput };
}

/** A count as JSON may hold it; a float such as 10.0 is a whole number too. */
const countOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;

/**
 * The raw usage of a chunk or an answer, in every place it was seen in: at the top; inside a choice, its delta
 * or its message (Moonshot); in `x_groq`.
 */
export function rawUsageIn(chunk: JsonObject): JsonObject | undefined {
  if (isObject(chunk.usage)) return chunk.usage;
  if (isObject(chunk.x_groq) && isObject(chunk.x_groq.usage)) return chunk.x_groq.usage;
  for (const choice of listOf(chunk.choices)) {
    if (!isObject(choice)) continue;
    const usage = objectOf(choice.usage) ?? usageWithin(choice.delta) ?? usageWithin(choice.message);
    if (usage !== undefined) return usage;
  }
  return undefined;
}

const usageWithin = (holder: unknown): JsonObject | undefined =>
  isObject(holder) ? objectOf(holder.usage) : undefined;

/** The chunk with `usage: null` and no usage anywhere else. */
export function withoutUsage(chunk: JsonObject): JsonObject {
  const { x_groq: _, ...rest } = chunk;
  const choices = listOf(chunk.choices).map((choice) => {
    if (!isObject(choice)) return choice;
    const { usage: __, ...kept } = choice;
    return isObject(choice.delta) && "usage" in choice.delta
      ? { ...kept, delta: { ...choice.delta, usage: undefined } }
      : kept;
  });
  return { ...rest, choices, usage: null };
}
