import type { VendorFailure } from "../../core/vendor-failure.ts";
import { type ErrorReport, readErrorBody, reportOf } from "../failure/error-body.ts";
import { retryAfterMs } from "../failure/retry-after.ts";
import {
  BAD_KEY,
  BAD_REQUEST,
  BROKEN,
  byCode,
  byStatus,
  type ErrorRow,
  failureOf,
  MISCONFIGURED,
  RATE_LIMITED,
  refineByMessage,
  TOO_LARGE,
  TOO_SLOW,
  type Verdict,
} from "../failure/verdict.ts";
import { objectOf, parseJson, textOf } from "../json.ts";

/** Anthropic's errors page and its SDK's types. */
const ERRORS: readonly ErrorRow[] = [
  // Money, though it comes as 429: the key is of no use until somebody raises the limit.
  [["enforced_spend_limit_reached"], BAD_KEY],
  [["authentication_error", "billing_error", "permission_error"], BAD_KEY],
  [["not_found_error"], MISCONFIGURED],
  [["request_too_large"], TOO_LARGE],
  [["rate_limit_error"], RATE_LIMITED],
  [["overloaded_error", "api_error"], BROKEN],
  [["timeout_error"], TOO_SLOW],
  [["invalid_request_error", "conflict_error"], BAD_REQUEST],
];

/** Money again, as an ordinary bad request: only the words tell. */
const NO_MONEY = /credit balance is too low|reached your specified api usage limits/i;

/** A non-2xx answer, judged: the body before the status. */
export function classifyError(status: number, headers: Headers, body: string, secret: string): VendorFailure {
  const report = withDetail(readErrorBody(status, body), parseJson(body));
  const wait = retryAfterMs(headers, report.message);
  return failureOf(report, judge(report), { secret, retryAfterMs: wait });
}

/** An error that came inside a 200, whole or in a stream; undefined when the value is none. */
export function failureInside(value: unknown, secret: string): VendorFailure | undefined {
  const report = reportOf(200, value);
  if (report === undefined) return undefined;
  return failureOf(withDetail(report, value), judge(withDetail(report, value)), { secret });
}

function judge(report: ErrorReport): Verdict {
  if (NO_MONEY.test(report.message)) return BAD_KEY;
  return refineByMessage(byCode(ERRORS, report) ?? byStatus(report.status), report.message);
}

/** The code inside `error.details`, where there is one, says more than the error's type. */
function withDetail(report: ErrorReport, parsed: unknown): ErrorReport {
  const details = objectOf(objectOf(objectOf(parsed)?.error)?.details);
  const code = textOf(details?.error_code);
  return code === undefined ? report : { ...report, code };
}
