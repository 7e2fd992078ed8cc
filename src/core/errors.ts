/**
 * The one error type that reaches a client. One code per cause; `src/http/<dialect>` maps it to the shape
 * of the client's dialect, in one place each.
 */
export type ErrorCode = keyof typeof STATUS_OF_CODE;

/** HTTP status per code; the codes are those that clients may rely on, plus what plain HTTP itself needs. */
export const STATUS_OF_CODE = {
  invalid_request: 400,
  invalid_json: 400,
  unsupported_parameter: 400,
  content_policy_violation: 400,
  context_length_exceeded: 400,
  previous_response_not_found: 400,
  invalid_api_key: 401,
  insufficient_points: 402,
  budget_exceeded: 402,
  permission_denied: 403,
  ip_not_allowed: 403,
  not_found: 404,
  model_not_found: 404,
  method_not_allowed: 405,
  idempotency_conflict: 409,
  idempotency_in_progress: 409,
  conflict: 409,
  payload_too_large: 413,
  rate_limit_exceeded: 429,
  request_cancelled: 499,
  internal_error: 500,
  vendor_unavailable: 502,
  vendor_rejected: 502,
  stream_truncated: 502,
  overloaded: 503,
  model_not_priced: 503,
  vendor_timeout: 504,
} as const;

export interface ErrorDetail {
  /** The request field that caused it, in the client's own words: `messages[0].role`. */
  readonly param?: string;
  /** When trying again may help, in milliseconds. Sent as `retry-after` on 429 and 503. */
  readonly retryAfterMs?: number;
  /** The limit that refused, with what it allows and what is left, for `x-ratelimit-*`. */
  readonly limit?: LimitState;
  /** Micropoints that would still have been affordable, as a decimal string of points. */
  readonly affordable?: string;
  /** How many vendors were called before it was given up. */
  readonly attempts?: number;
  /** A status that overrides the code's own: a vendor's 4xx is handed on as it came. */
  readonly status?: number;
  readonly cause?: unknown;
}

export interface LimitState {
  /** Which limit: `tenant`, `key`, `vendor`, `model`, `global`, `api /v1/…`. */
  readonly name: string;
  /** What it counts; absent: requests. */
  readonly unit?: "tokens";
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** The one error that crosses parts, nodes and dialects: a code of the closed union, words for the client, and data. */
export class SluiceError extends Error {
  override readonly name = "SluiceError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly detail: ErrorDetail = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
  }

  get status(): number {
    return this.detail.status ?? STATUS_OF_CODE[this.code];
  }
}

/** What was thrown, as a SluiceError; anything unknown becomes `internal_error` with a message that tells nothing. */
export function asSluiceError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  return new SluiceError("internal_error", "Something went wrong inside the gateway.", { cause: thrown });
}
