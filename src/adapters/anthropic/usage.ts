import type { JsonObject } from "../../core/generation.ts";
import {
  compact,
  completionTokens,
  isPlausible,
  NO_USAGE,
  promptTokens,
  type Usage,
} from "../../core/usage.ts";
import { numberOf, objectOf } from "../json.ts";

/**
 * Anthropic's usage in the normal form. Its input classes are disjoint already; thinking is part of the output. What
 * was written for an hour is a part of what was written; where that is not told, all of it was for five minutes.
 * Undefined when a count is missing, negative, no whole number or contradicts another; also for all zeros.
 */
export function usageOf(raw: JsonObject): Usage | undefined {
  const input = numberOf(raw.input_tokens);
  const output = numberOf(raw.output_tokens);
  const reasoning = numberOf(objectOf(raw.output_tokens_details)?.thinking_tokens) ?? 0;
  if (input === undefined || output === undefined) return undefined;
  const { short, long } = written(raw);
  const tier = raw.service_tier;
  const usage = compact({
    ...NO_USAGE,
    input,
    cachedInput: numberOf(raw.cache_read_input_tokens) ?? 0,
    cacheWrite: short,
    cacheWriteLong: long,
    output: output - reasoning,
    reasoning,
    ...(typeof tier === "string" && tier !== USUAL_TIER ? { serviceTier: tier } : {}),
  });
  if (!isPlausible(usage)) return undefined;
  return promptTokens(usage) + completionTokens(usage) === 0 ? undefined : usage;
}

const USUAL_TIER = "standard";

function written(raw: JsonObject): { readonly short: number; readonly long: number } {
  const byLifetime = objectOf(raw.cache_creation) ?? {};
  const long = numberOf(byLifetime.ephemeral_1h_input_tokens) ?? 0;
  const all = numberOf(raw.cache_creation_input_tokens);
  return {
    long,
    short: all === undefined ? (numberOf(byLifetime.ephemeral_5m_input_tokens) ?? 0) : all - long,
  };
}

/** What a stream told later replaces what it told before, field by field: its counts are totals so far. */
export function laterUsage(before: JsonObject, told: JsonObject): JsonObject {
  const known = Object.entries(told).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(known) };
}
