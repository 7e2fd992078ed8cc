import type { JsonObject } from "../../core/generation.ts";
import { isObject, numberOf, textOf } from "../json.ts";

/**
 * How a request steers the sandbox: by a `sandbox` object in its body, or by magic words in the last user
 * message (or the prompt), for clients that cannot send fields of their own:
 *
 *     {"sandbox": {"tokens": 50, "tokens_per_second": 0, "verify": true, "fail": "cut", "at": 20}}
 *     [[sandbox tokens=50 tokens_per_second=0 verify fail=cut at=20]]
 *
 * | field | meaning | default |
 * | --- | --- | --- |
 * | `tokens` | how many tokens each answer has (before `stop` and the output limit) | 24 to 63, by the prompt |
 * | `reasoning_tokens` | how many of reasoning come first | by `reasoning_effort` |
 * | `verify` | the answer is `w1 w2 w3 …`, so that a missing or doubled token is seen | off |
 * | `calls` | how many tool calls to make at once; asks for tools by itself | 1 when tools are called |
 * | `tokens_per_second` | pace; 0: as fast as it is read | 60 |
 * | `first_token_ms` | wait before the first token | 80; 20 for embeddings; 0 without a pace |
 * | `cached_tokens` | prompt tokens said to come from a cache | 0 |
 * | `usage` | `exact`; `none`: never told; `each`: in every chunk; `finish`: in the finish chunk; `implausible` | `exact` |
 * | `fail` | a failure, see FAILURES | none |
 * | `at` | content tokens before a failure in the middle of a stream | half of the answer |
 * | `on_model` | the failure only strikes the vendor model of this name | every model |
 *
 * An assistant message at the end of the conversation is continued, not answered: the answer goes on where
 * it stops, as long as it is a beginning of what the sandbox would have said.
 */
export interface SandboxSettings {
  readonly tokens: number | undefined;
  readonly reasoningTokens: number | undefined;
  readonly verify: boolean;
  readonly calls: number | undefined;
  readonly tokensPerSecond: number;
  readonly firstTokenMs: number | undefined;
  readonly cachedTokens: number;
  readonly usage: UsageManner;
  readonly fail: Failure | undefined;
  readonly at: number | undefined;
}

export type UsageManner = "exact" | "none" | "each" | "finish" | "implausible";

/**
 * Refusals by status or cause; broken 2xx answers (`html`: a proxy's page as 502, `html_200`, `empty`, `half`:
 * half a JSON); no answer at all (`refused`, `hang`); and what happens in the middle of a stream: `cut` (closes
 * inside a frame), `no_end` (closes without the end marker), `reset` (connection error), `stall` (silence),
 * `error` (an error object), `garbage` (a frame that is no JSON), `broken_off` (a finish reason that is none).
 */
export const FAILURES = [
  ...(["400", "401", "402", "403", "404", "408", "413", "422", "429", "500", "502", "503", "504"] as const),
  ...(["quota", "context", "content", "html", "html_200", "empty", "half", "refused", "hang"] as const),
  ...(["cut", "no_end", "reset", "stall", "error", "garbage", "broken_off"] as const),
] as const;
export type Failure = (typeof FAILURES)[number];

const USAGE_MANNERS: readonly UsageManner[] = ["exact", "none", "each", "finish", "implausible"];

/** A bound on what one request can make the sandbox do. */
const MAX_TOKENS = 100_000;
const TOKENS_PER_SECOND = 60;

/** @param prompt the text that may hold magic words; the body's own fields win over them */
export function readSettings(body: JsonObject, prompt: string, model: string): SandboxSettings {
  const given: JsonObject = { ...readMagicWords(prompt), ...(isObject(body.sandbox) ? body.sandbox : {}) };
  const onModel = textOf(given.on_model);
  const isStruck = onModel === undefined || onModel === model;
  return {
    tokens: countOf(given.tokens),
    reasoningTokens: countOf(given.reasoning_tokens),
    verify: given.verify === true,
    calls: countOf(given.calls),
    tokensPerSecond: Math.max(0, numberOf(given.tokens_per_second) ?? TOKENS_PER_SECOND),
    firstTokenMs: countOf(given.first_token_ms),
    cachedTokens: countOf(given.cached_tokens) ?? 0,
    usage: USAGE_MANNERS.find((manner) => manner === given.usage) ?? "exact",
    fail: isStruck ? FAILURES.find((failure) => failure === String(given.fail)) : undefined,
    at: countOf(given.at),
  };
}

/** `[[sandbox a=1 b]]` as `{a: 1, b: true}`. */
export function readMagicWords(text: string): JsonObject {
  const words = /\[\[sandbox((?:\s+[a-z_]+(?:=[\w.-]+)?)*)\s*\]\]/.exec(text)?.[1] ?? "";
  const given: Record<string, unknown> = {};
  for (const word of words.split(/\s+/)) {
    if (word === "") continue;
    const [name = "", value] = word.split("=");
    given[name] = value === undefined ? true : /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
  }
  return given;
}

function countOf(value: unknown): number | undefined {
  const number = numberOf(value);
  return number === undefined ? undefined : Math.min(Math.max(0, Math.floor(number)), MAX_TOKENS);
}
