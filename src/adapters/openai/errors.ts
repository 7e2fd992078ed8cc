import type { ErrorReport } from "../failure/error-body.ts";
import {
  BAD_CONTENT,
  BAD_KEY,
  BAD_PARAMETER,
  BAD_REQUEST,
  BROKEN,
  byCode,
  type ErrorRow,
  MISCONFIGURED,
  RATE_LIMITED,
  TOO_LARGE,
  TOO_LONG,
  type Verdict,
} from "../failure/verdict.ts";

/** OpenAI's error codes guide and recorded errors, most telling first. */
const OPENAI_ERRORS: readonly ErrorRow[] = [
  [["context_length_exceeded"], TOO_LONG],
  [["content_policy_violation", "moderation_blocked", "invalid_prompt", "content_filter"], BAD_CONTENT],
  [["unsupported_parameter", "unknown_parameter", "unsupported_value"], BAD_PARAMETER],
  [["model_not_found"], MISCONFIGURED],
  [["invalid_api_key", "account_deactivated", "billing_not_active", "ip_not_authorized"], BAD_KEY],
  [["unsupported_country_region_territory", "permission_error", "authentication_error"], BAD_KEY],
  // Money, though it comes as 429: the key is of no use until somebody pays.
  [
    [
      "insufficient_quota",
      "credit_balance_exhausted",
      "organization_spend_limit_exceeded",
      "project_spend_limit_exceeded",
      "organization_usage_limit_exceeded",
      "billing_hard_limit_reached",
    ],
    BAD_KEY,
  ],
  [["rate_limit_exceeded", "slow_down", "rate_limit_error", "tokens", "requests"], RATE_LIMITED],
  [["server_is_overloaded", "service_unavailable_error", "engine_overloaded_error"], BROKEN],
];

/** Whole classes: the status, where there is one, is more telling. */
const COARSE: readonly ErrorRow[] = [
  [["invalid_request_error"], BAD_REQUEST],
  [["server_error"], BROKEN],
];

export function classify(report: ErrorReport): Verdict | undefined {
  const verdict = byCode(OPENAI_ERRORS, report);
  // One request larger than the whole per-minute limit: it can never pass, and nobody is over a rate.
  if (verdict === RATE_LIMITED && /request too large/i.test(report.message)) return TOO_LARGE;
  if (verdict !== undefined) return verdict;
  if (/model .{1,120} does not exist/i.test(report.message)) return MISCONFIGURED;
  return isVague(report.status) ? byCode(COARSE, report) : undefined;
}

/** Inside a stream there is no status, so even a coarse type is worth something. */
const isVague = (status: number): boolean => status < 400;
