import type { JsonObject } from "../../core/generation.ts";
import { compact, isPlausible, NO_USAGE, type Usage } from "../../core/usage.ts";
import { numberOf, objectOf } from "../json.ts";
import { HEARD_TOKENS_A_SECOND } from "./sound-format.ts";

/**
 * `response.done.response.usage` (recorded 2026-09): text, sound and pictures of the prompt, and how many of each came
 * from the cache. Undefined when it is none, or contradicts itself.
 */
export function realtimeUsage(raw: unknown): Usage | undefined {
  const told = objectOf(raw);
  const input = numberOf(told?.input_tokens);
  const output = numberOf(told?.output_tokens);
  if (told === undefined || input === undefined || output === undefined) return undefined;
  const details = objectOf(told.input_token_details) ?? {};
  const cachedOf = objectOf(details.cached_tokens_details) ?? {};
  const cachedInput = numberOf(details.cached_tokens) ?? 0;
  const audioInput = (numberOf(details.audio_tokens) ?? 0) - (numberOf(cachedOf.audio_tokens) ?? 0);
  const imageInput = (numberOf(details.image_tokens) ?? 0) - (numberOf(cachedOf.image_tokens) ?? 0);
  const audioOutput = numberOf(objectOf(told.output_token_details)?.audio_tokens) ?? 0;
  const usage = compact({
    ...NO_USAGE,
    input: input - cachedInput - audioInput - imageInput,
    cachedInput,
    audioInput,
    imageInput,
    output: output - audioOutput,
    audioOutput,
  });
  return input + output > 0 && isPlausible(usage) ? usage : undefined;
}

/**
 * What a transcript of the client's speech used, which another model writes: counted at this one's rates, since nobody says
 * which it was. All that it read counts as sound: text is dearer there than at the smallest of these.
 */
export function heardUsage({ usage }: JsonObject): Usage | undefined {
  const told = objectOf(usage);
  if (told === undefined) return undefined;
  const seconds = numberOf(told.seconds);
  if (seconds !== undefined) {
    const heard = { ...NO_USAGE, audioInput: Math.ceil(seconds * HEARD_TOKENS_A_SECOND) };
    return seconds > 0 && isPlausible(heard) ? heard : undefined;
  }
  const input = numberOf(told.input_tokens);
  const output = numberOf(told.output_tokens);
  if (input === undefined || output === undefined) return undefined;
  const heard = { ...NO_USAGE, audioInput: input, output };
  return input + output > 0 && isPlausible(heard) ? heard : undefined;
}
