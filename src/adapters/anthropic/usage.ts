import type { JsonObject } from "../../core/generation.ts";
import { completionTokens, isPlausible, NO_USAGE, promptTokens, type Usage } from "../../core/usage.ts";
import { numberOf, objectOf } from "../json.ts";

/**
 * Anthropic's usage in the normal form. Its input classes are disjoint already; thinking is part of the output.
 * Both lifetimes of the cache count as written (see `cache-control.ts`: only the shorter is asked for).
 * Undefined when a count is missing, negative, no whole number or contradicts another; also for all zeros.
 */
export function usageOf(raw: JsonObject): Usage | undefined {
  const input = numberOf(raw.input_tokens);
  const output = numberOf(raw.output_tokens);
  const reasoning = numberOf(objectOf(raw.output_tokens_details)?.thinking_tokens) ?? 0;
  if (input === undefined || output === undefined) return undefined;
  const usage: Usage = {
    ...NO_USAGE,
    input,
    cachedInput: numberOf(raw.cache_read_input_tokens) ?? 0,
    cacheWrite: numberOf(raw.cache_creation_input_tokens) ?? writtenByLifetime(raw),
    output: output - reasoning,
    reasoning,
  };
  if (!isPlausible(usage)) return undefined;
  return promptTokens(usage) + completionTokens(usage) === 0 ? undefined : usage;
}

function writtenByLifetime(raw: JsonObject): number {
  const written = objectOf(raw.cache_creation) ?? {};
  const { ephemeral_5m_input_tokens: short, ephemeral_1h_input_tokens: long } = written;
  return (numberOf(short) ?? 0) + (numberOf(long) ?? 0);
}

/** What a stream told later replaces what it told before, field by field: its counts are totals so far. */
export function laterUsage(before: JsonObject, told: JsonObject): JsonObject {
  const known = Object.entries(told).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(known) };
}
