import type { ErrorReport } from "../failure/error-body.ts";
import {
  BAD_CONTENT,
  BAD_KEY,
  BAD_REQUEST,
  BROKEN,
  byCode,
  type ErrorRow,
  MISCONFIGURED,
  RATE_LIMITED,
  TOO_LARGE,
  TOO_SLOW,
  type Verdict,
} from "../failure/verdict.ts";

/** Model Studio's error messages: native code / compatible-mode code, most telling first. */
const ERRORS: readonly ErrorRow[] = [
  [["InternalError.Algo.InvalidParameter"], BAD_REQUEST],
  [["BadRequest.TooLarge"], TOO_LARGE],
  [["InvalidParameter*", "invalid_parameter_error", "BadRequest*", "InvalidURL*"], BAD_REQUEST],
  [["DataInspectionFailed", "data_inspection_failed", "IPInfringementSuspect"], BAD_CONTENT],
  [["FaqRuleBlocked", "CustomRoleBlocked"], BAD_CONTENT],
  [["Arrearage", "InvalidApiKey", "invalid_api_key", "NOT AUTHORIZED"], BAD_KEY],
  [["AccessDenied*", "Model.AccessDenied", "App.AccessDenied", "Workspace.AccessDenied"], BAD_KEY],
  [["AllocationQuota.FreeTierOnly", "CommodityNotPurchased"], BAD_KEY],
  [["PrepaidBillOverdue", "PostpaidBillOverdue"], BAD_KEY],
  [
    ["ModelNotFound", "model_not_found", "model_not_supported", "WorkSpaceNotFound", "NotFound"],
    MISCONFIGURED,
  ],
  [["Throttling*", "LimitRequests", "limit_requests", "limit_burst_rate"], RATE_LIMITED],
  [["RequestTimeOut", "ResponseTimeout", "InternalError.Timeout"], TOO_SLOW],
  [["InternalError*", "internal_error", "SystemError", "ModelServiceFailed"], BROKEN],
  [["ModelServingError", "ModelUnavailable"], BROKEN],
];

/** Codes that mean tokens a minute at one time and money at another. */
const QUOTA = ["insufficient_quota", "throttling.allocationquota"];

/** A plan or a free allowance that is used up: waiting a minute does not help. */
const USED_UP = /quota has been exhausted|will reset at|free allocated quota exceeded|free tier/i;

export function classify(report: ErrorReport): Verdict | undefined {
  const code = (report.code ?? report.type ?? "").toLowerCase();
  if (QUOTA.includes(code)) {
    // As a 400 it is a cap on objects of the account.
    return USED_UP.test(report.message) || report.status === 400 ? BAD_KEY : RATE_LIMITED;
  }
  if (/\barrearage\b|account is in good standing/i.test(report.message)) return BAD_KEY;
  if (code.startsWith("accessdenied") && /\ba?synchronous\b|\ba?sync\b/i.test(report.message))
    return BAD_REQUEST;
  return byCode(ERRORS, report);
}
