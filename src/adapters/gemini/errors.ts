import type { VendorFailure } from "../../core/vendor-failure.ts";
import { type ErrorReport, readErrorBody, reportOf } from "../failure/error-body.ts";
import { durationMs, retryAfterMs } from "../failure/retry-after.ts";
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
  TOO_LONG,
  TOO_SLOW,
  type Verdict,
} from "../failure/verdict.ts";
import { isObject, listOf, objectOf, parseJson, textOf } from "../json.ts";

/** Google's page of API errors, and its SDK's types. */
const ERRORS: readonly ErrorRow[] = [
  [["UNAUTHENTICATED", "PERMISSION_DENIED"], BAD_KEY],
  // The account's country or its billing, not what was asked.
  [["FAILED_PRECONDITION"], BAD_KEY],
  [["NOT_FOUND"], MISCONFIGURED],
  [["RESOURCE_EXHAUSTED"], RATE_LIMITED],
  // Nobody here cancels a call and still reads its answer.
  [["INTERNAL", "UNAVAILABLE", "CANCELLED"], BROKEN],
  [["DEADLINE_EXCEEDED"], TOO_SLOW],
  [["INVALID_ARGUMENT", "OUT_OF_RANGE"], BAD_REQUEST],
];

/** A wrong key is an ordinary bad request; its first words or its reason tell. Further on may stand a client's own words. */
const WRONG_KEY = /^api key (?:not valid|expired|not found)/i;
const KEY_REASON = /^API_KEY_/;

/** A file or an address that the client named and that cannot be read: no fault of the key's or of the model's name. */
const NOT_READABLE =
  /access the file|\bfiles?\/[\w-]+|file .{0,80}(?:not found|not exist|not in an active)|fetch .{0,80}\burl\b|url_error/i;

const FOR_FILES = new Set([400, 403, 404]);

const TOO_MANY_TOKENS = /token count .{0,40}exceeds|exceeds the maximum number of tokens/i;

/** A non-2xx answer, judged: the body before the status. It may be a JSON array of one error. */
export function classifyError(status: number, headers: Headers, body: string, secret: string): VendorFailure {
  const report = readErrorBody(status, body);
  const details = detailsIn(parseJson(body));
  const wait = details.retryDelayMs ?? retryAfterMs(headers, report.message);
  return failureOf(named(report, details), judge(report, details), { secret, retryAfterMs: wait });
}

/** An error that came inside a 200, whole or in a stream; undefined when the value is none. */
export function failureInside(value: unknown, secret: string): VendorFailure | undefined {
  const report = reportOf(200, value);
  if (report === undefined) return undefined;
  const details = detailsIn(value);
  const { retryDelayMs } = details;
  return failureOf(named(report, details), judge(report, details), { secret, retryAfterMs: retryDelayMs });
}

/** What `error.details` says, by the names of `google.rpc`. */
interface Details {
  /** Of `ErrorInfo`: `API_KEY_INVALID`. */
  readonly reason: string | undefined;
  /** Of `QuotaFailure`: `GenerateRequestsPerDayPerProjectPerModel-FreeTier`. */
  readonly quotas: readonly string[];
  /** Of `RetryInfo`. */
  readonly retryDelayMs: number | undefined;
}

function detailsIn(parsed: unknown): Details {
  const first = Array.isArray(parsed) ? listOf(parsed)[0] : parsed;
  const details = listOf(objectOf(objectOf(first)?.error)?.details).filter(isObject);
  const quotas = details.flatMap(({ violations }) =>
    listOf(violations).flatMap((violation) => textOf(objectOf(violation)?.quotaId) ?? []),
  );
  const delay = details.map(({ retryDelay }) => textOf(retryDelay)).find((text) => text !== undefined);
  return {
    reason: details.map(({ reason }) => textOf(reason)).find((text) => text !== undefined),
    quotas,
    retryDelayMs: delay === undefined ? undefined : durationMs(delay),
  };
}

function judge(report: ErrorReport, { reason, quotas }: Details): Verdict {
  const { status, message } = report;
  if (KEY_REASON.test(reason ?? "") || WRONG_KEY.test(message)) return BAD_KEY;
  if (status === 402) return BAD_KEY;
  if (FOR_FILES.has(status) && NOT_READABLE.test(message)) return BAD_REQUEST;
  // A day's quota is not back before midnight (Pacific time), whatever `RetryInfo` says.
  if (quotas.some((quota) => /PerDay/i.test(quota))) return BAD_KEY;
  const verdict = byCode(ERRORS, report) ?? byStatus(status);
  return verdict === BAD_REQUEST && TOO_MANY_TOKENS.test(message)
    ? TOO_LONG
    : refineByMessage(verdict, message);
}

/** The quota or the reason says more than the status. */
function named(report: ErrorReport, { reason, quotas }: Details): ErrorReport {
  const code = quotas[0] ?? reason;
  return code === undefined ? report : { ...report, code };
}
