import type { LimitState } from "../../core/errors.ts";
import type { Micropoints } from "../../core/points.ts";
import type { Started } from "../../gateway/gateway.ts";
import { rateLimitHeaders } from "../errors.ts";
import { headerList } from "../header-text.ts";
import { generationHeaders } from "../openai/headers.ts";
import { wordHere } from "./words.ts";

/**
 * What every message says about itself: Sluice's own headers, and those that Anthropic's SDKs look for.
 * @param lost what the chat left out, which is only lost where no vendor of the dialect serves
 * @param now epoch milliseconds
 */
export function messageHeaders(
  started: Started,
  lost: readonly string[],
  now: number,
  cost?: Micropoints,
): Record<string, string> {
  const headers = generationHeaders(started, cost);
  headers["request-id"] = started.requestId;
  const { dropped = [], dialect, limit, tokenLimit } = started;
  const names = dialect === undefined ? [...lost, ...dropped.map(wordHere)] : dropped;
  if (names.length > 0) headers["x-sluice-dropped"] = headerList([...new Set(names)]);
  for (const state of [limit, tokenLimit])
    if (state !== undefined) Object.assign(headers, limitHeaders(state, now));
  return headers;
}

/** A limit in OpenAI's headers and in Anthropic's, which tell the moment at which it is whole again. */
export function limitHeaders(state: LimitState, now: number): Record<string, string> {
  const { limit, remaining, resetMs } = state;
  const unit = state.unit ?? "requests";
  return {
    ...rateLimitHeaders(state),
    [`anthropic-ratelimit-${unit}-limit`]: String(limit),
    [`anthropic-ratelimit-${unit}-remaining`]: String(Math.max(0, Math.floor(remaining))),
    [`anthropic-ratelimit-${unit}-reset`]: new Date(now + resetMs).toISOString(),
  };
}
