import type { JsonObject } from "../../core/generation.ts";
import { isPlausible, NO_USAGE, type Usage } from "../../core/usage.ts";
import { numberOf, objectOf } from "../json.ts";

/**
 * `{"type":"duration","seconds"}` or `{"type":"tokens",…}` (spec 2.3.0); older answers say their `duration` alone.
 * Seconds are rounded up, as they are charged.
 */
export function transcriptUsage(answer: JsonObject): Usage | undefined {
  const told = objectOf(answer.usage);
  const usage = (told && (secondsOf(told.seconds) ?? tokensIn(told))) ?? secondsOf(answer.duration);
  return usage !== undefined && isPlausible(usage) ? usage : undefined;
}

function secondsOf(value: unknown): Usage | undefined {
  const seconds = numberOf(typeof value === "string" ? Number(value) : value);
  return seconds === undefined || seconds <= 0 ? undefined : { ...NO_USAGE, seconds: Math.ceil(seconds) };
}

function tokensIn(told: JsonObject): Usage | undefined {
  const total = numberOf(told.input_tokens);
  const output = numberOf(told.output_tokens);
  if (total === undefined || output === undefined || total + output === 0) return undefined;
  const text = numberOf(objectOf(told.input_token_details)?.text_tokens) ?? 0;
  // What is heard is the dearer kind: all that is not said to be text is taken for it.
  return { ...NO_USAGE, input: text, audioInput: total - text, output };
}
