import type { JsonObject } from "../../core/generation.ts";
import { compact, completionTokens, isPlausible, promptTokens, type Usage } from "../../core/usage.ts";
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
export function usageOf(raw: JsonObject, fields: UsageFields = NO_FIELDS): Usage | undefined {
  const read = objectOf(raw.prompt_tokens_details) ?? NO_DETAILS;
  const made = objectOf(raw.completion_tokens_details) ?? NO_DETAILS;
  const prompt = countOf(raw.prompt_tokens);
  const completion = countOf(raw.completion_tokens ?? 0);
  const cached = countOf(
    read.cached_tokens ?? (fields.cachedField === undefined ? 0 : raw[fields.cachedField]) ?? 0,
  );
  const written = countOf(read[fields.cacheWriteField ?? "cache_write_tokens"] ?? 0);
  const reasoning = countOf(made.reasoning_tokens ?? 0);
  if (prompt === undefined || completion === undefined) return undefined;
  if (cached === undefined || written === undefined || reasoning === undefined) return undefined;
  const isBeside =
    fields.mayExcludeReasoning === true &&
    reasoning > 0 &&
    countOf(raw.total_tokens) === prompt + completion + reasoning;
  const text: Usage = {
    input: prompt - cached - written,
    cachedInput: cached,
    cacheWrite: written,
    output: isBeside ? completion : completion - reasoning,
    reasoning,
    images: 0,
    seconds: 0,
  };
  const usage = tellsMedia(read) || tellsMedia(made) ? withMedia(text, read, made) : text;
  if (usage === undefined || !isPlausible(usage)) return undefined;
  return promptTokens(usage) + completionTokens(usage) === 0 ? undefined : usage;
}

const NO_FIELDS: UsageFields = {};
const NO_DETAILS: JsonObject = {};

/** Most tell no media, or none of them. */
const tellsMedia = ({ audio_tokens: audio, image_tokens: image }: JsonObject): boolean =>
  (audio ?? 0) !== 0 || (image ?? 0) !== 0;

/**
 * What is of text, sound and pictures taken out of it. Nobody tells which kind was cached: text is taken for it first,
 * since sound and pictures are the dearer ones. Undefined when a count is none.
 */
function withMedia(text: Usage, read: JsonObject, made: JsonObject): Usage | undefined {
  const [audio, image] = [countOf(read.audio_tokens ?? 0), countOf(read.image_tokens ?? 0)];
  if (audio === undefined || image === undefined || audio < 0 || image < 0) return undefined;
  const [audioOutput, imageOutput] = [countOf(made.audio_tokens ?? 0), countOf(made.image_tokens ?? 0)];
  if (audioOutput === undefined || imageOutput === undefined) return undefined;
  const audioInput = Math.min(audio, Math.max(0, text.input));
  const imageInput = Math.min(image, Math.max(0, text.input - audioInput));
  return compact({
    ...text,
    input: text.input - audioInput - imageInput,
    audioInput,
    imageInput,
    output: text.output - audioOutput - imageOutput,
    audioOutput,
    imageOutput,
  });
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
