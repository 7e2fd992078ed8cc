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
  TOO_LONG,
  type Verdict,
} from "../failure/verdict.ts";

/** Volcengine's error codes (docs/82379/1299023), most telling first. */
const ERRORS: readonly ErrorRow[] = [
  [["InvalidEndpoint.ClosedEndpoint"], MISCONFIGURED],
  [["OutofContextError*"], TOO_LONG],
  [["SensitiveContentDetected*", "ContentSecurityDetectionError*"], BAD_CONTENT],
  [["InputText*", "InputImage*", "InputVideo*", "InputAudio*"], BAD_CONTENT],
  [["OutputText*", "OutputImage*", "OutputVideo*", "OutputAudio*"], BAD_CONTENT],
  [["MissingParameter*", "InvalidParameter*", "InvalidArgumentError*", "InvalidImageURL*"], BAD_REQUEST],
  [["AuthenticationError", "InvalidAccountStatus", "AccountOverdueError"], BAD_KEY],
  [["AccessDenied*", "InvalidSubscription", "OperationDenied*"], BAD_KEY],
  // A model that is not opened for this account: the key serves others, so it is not set aside.
  [["ModelNotOpen", "InvalidEndpointOrModel*", "UnsupportedModel", "NotFound*"], MISCONFIGURED],
  // Money, though it comes as 429: a free trial that is used up, a cap that the owner set.
  [["QuotaExceeded*", "SetLimitExceeded*"], BAD_KEY],
  [["ServerOverloaded*", "InternalServiceError*"], BROKEN],
  [["RateLimitExceeded*", "ModelAccount*", "APIAccount*", "AccountRateLimitExceeded*"], RATE_LIMITED],
  [["RequestBurstTooFast*", "InflightBatchsizeExceeded*"], RATE_LIMITED],
];

export function classify(report: ErrorReport): Verdict | undefined {
  return /RiskDetection(?:\.|$)/i.test(report.code ?? "") ? BAD_CONTENT : byCode(ERRORS, report);
}
