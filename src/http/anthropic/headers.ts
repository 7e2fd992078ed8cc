import type { LimitState } from "../../core/errors.ts";
import type { Started } from "../../gateway/gateway.ts";
import { rateLimitHeaders, remainingIn } from "../errors.ts";
import { headerList } from "../header-text.ts";
import { wordHere } from "./words.ts";

/**
 * What every message says about itself beside Sluice's own headers: what Anthropic's SDKs look for.
 * @param lost what the chat left out, which is only lost where no vendor of the dialect serves
 * @param now epoch milliseconds
 */
export function setMessageHeaders(
  headers: Headers,
  started: Started,
  lost: readonly string[],
  now: number,
): void {
  headers.set("request-id", started.requestId);
  const { dropped = [], dialect, limit, tokenLimit } = started;
  const names = dialect === undefined ? [...lost, ...dropped.map(wordHere)] : dropped;
  if (names.length > 0) headers.set("x-sluice-dropped", headerList([...new Set(names)]));
  if (limit !== undefined) setLimit(headers, limit, now);
  if (tokenLimit !== undefined) setLimit(headers, tokenLimit, now);
}

function setLimit(headers: Headers, state: LimitState, now: number): void {
  const told = ownLimitHeaders(state, now);
  for (const name in told) headers.set(name, told[name] ?? "");
}

/** A limit in OpenAI's headers and in Anthropic's, which tell the moment at which it is whole again. */
export function limitHeaders(state: LimitState, now: number): Record<string, string> {
  return { ...rateLimitHeaders(state), ...ownLimitHeaders(state, now) };
}

function ownLimitHeaders(state: LimitState, now: number): Readonly<Record<string, string>> {
  const unit = state.unit ?? "requests";
  return {
    [`anthropic-ratelimit-${unit}-limit`]: String(state.limit),
    [`anthropic-ratelimit-${unit}-remaining`]: remainingIn(state),
    [`anthropic-ratelimit-${unit}-reset`]: new Date(now + state.resetMs).toISOString(),
  };
}
