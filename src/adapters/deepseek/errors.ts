import type { ErrorReport } from "../failure/error-body.ts";
import {
  BAD_KEY,
  BAD_REQUEST,
  BROKEN,
  byCode,
  type ErrorRow,
  MISCONFIGURED,
  RATE_LIMITED,
  type Verdict,
} from "../failure/verdict.ts";

/** DeepSeek's codes only repeat the class; the status says more (its error codes page). */
const CLASSES: readonly ErrorRow[] = [
  [["authentication_error", "insufficient_balance"], BAD_KEY],
  [["rate_limit_reached", "rate_limit_error"], RATE_LIMITED],
  [["service_unavailable_error", "internal_error", "server_error"], BROKEN],
  [["invalid_request_error"], BAD_REQUEST],
];

export function classify(report: ErrorReport): Verdict | undefined {
  if (/model not exist|supported API model names/i.test(report.message)) return MISCONFIGURED;
  if (/insufficient balance/i.test(report.message)) return BAD_KEY;
  // Inside a stream the class is all there is.
  return report.status < 400 ? byCode(CLASSES, report) : undefined;
}
