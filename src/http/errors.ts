import type { LimitState, SluiceError } from "../core/errors.ts";

/** An error in the shape that users of OpenAI's SDKs know. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly code: string;
    readonly param: string | null;
    readonly request_id: string;
    /** Points that would still have been affordable. */
    readonly affordable?: string;
  };
}

/** An error as OpenAI's SDKs read it. */
export function errorBody(error: SluiceError, requestId: string): ErrorBody {
  const { param, affordable } = error.detail;
  return {
    error: {
      message: error.message,
      type: typeOf(error.status),
      code: error.code,
      param: param ?? null,
      request_id: requestId,
      ...(affordable === undefined ? {} : { affordable }),
    },
  };
}

/** The same as an answer, with the error's status and headers. */
export function errorResponse(error: SluiceError, requestId: string): Response {
  const headers = errorHeaders(error, requestId);
  return Response.json(errorBody(error, requestId), { status: error.status, headers });
}

/** What an error says besides its body, in every dialect. */
export function errorHeaders({ status, detail }: SluiceError, requestId: string): Record<string, string> {
  const headers: Record<string, string> = { "x-request-id": requestId };
  if (detail.limit !== undefined) Object.assign(headers, rateLimitHeaders(detail.limit));
  if (detail.attempts !== undefined) headers["x-sluice-attempts"] = String(detail.attempts);
  if (status === 429 || status === 503) headers["retry-after"] = wholeSeconds(detail.retryAfterMs ?? 0);
  if (status === 401) headers["www-authenticate"] = "Bearer";
  return headers;
}

/** OpenAI's headers of a limit on requests or tokens. */
export function rateLimitHeaders(state: LimitState): Record<string, string> {
  const names = LIMIT_HEADERS[state.unit ?? "requests"];
  return {
    [names.limit]: String(state.limit),
    [names.remaining]: remainingIn(state),
    [names.reset]: goDuration(state.resetMs),
  };
}

/** The same set on a response's headers, with no object for them: most generations tell a limit. */
export function setRateLimit(headers: Headers, state: LimitState): void {
  const names = LIMIT_HEADERS[state.unit ?? "requests"];
  headers.set(names.limit, String(state.limit));
  headers.set(names.remaining, remainingIn(state));
  headers.set(names.reset, goDuration(state.resetMs));
}

/** What is left of a limit, as headers say it. */
export const remainingIn = ({ remaining }: LimitState): string => String(Math.max(0, Math.floor(remaining)));

const LIMIT_HEADERS = {
  requests: {
    limit: "x-ratelimit-limit-requests",
    remaining: "x-ratelimit-remaining-requests",
    reset: "x-ratelimit-reset-requests",
  },
  tokens: {
    limit: "x-ratelimit-limit-tokens",
    remaining: "x-ratelimit-remaining-tokens",
    reset: "x-ratelimit-reset-tokens",
  },
} as const;

/** The `type` that OpenAI gives an error of this status; 402 is what `insufficient_quota` says there. */
function typeOf(status: number): string {
  if (status === 402) return "insufficient_quota";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** Rounded up, so that nobody comes back too early, and never 0: that would be no wait at all. */
const wholeSeconds = (ms: number): string => String(Math.max(1, Math.ceil(ms / 1_000)));

/** Go's form of a duration, which OpenAI's headers have: `120ms`, `1s`, `1.5s`, `6m0s`, `1h0m0s`. */
function goDuration(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms));
  if (whole === 0) return "0s";
  if (whole < 1_000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = (whole % 60_000) / 1_000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
