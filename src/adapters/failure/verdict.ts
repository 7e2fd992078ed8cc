import type { ErrorCode } from "../../core/errors.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { ErrorReport } from "./error-body.ts";
import { scrub } from "./scrub.ts";

/** Whose fault an error is and what a client is told if nobody else can serve. */
export interface Verdict {
  readonly fault: VendorFailure["fault"];
  readonly code: ErrorCode;
}

export const BAD_REQUEST: Verdict = { fault: "request", code: "invalid_request" };
export const BAD_PARAMETER: Verdict = { fault: "request", code: "unsupported_parameter" };
export const BAD_CONTENT: Verdict = { fault: "request", code: "content_policy_violation" };
export const TOO_LONG: Verdict = { fault: "request", code: "context_length_exceeded" };
export const TOO_LARGE: Verdict = { fault: "request", code: "payload_too_large" };
export const BAD_KEY: Verdict = { fault: "key", code: "vendor_rejected" };
export const RATE_LIMITED: Verdict = { fault: "account", code: "rate_limit_exceeded" };
export const BROKEN: Verdict = { fault: "vendor", code: "vendor_unavailable" };
export const TOO_SLOW: Verdict = { fault: "vendor", code: "vendor_timeout" };
export const MISCONFIGURED: Verdict = { fault: "config", code: "vendor_rejected" };

/** One row of a vendor's error table: codes (exact, or a prefix ending in `*`; case ignored) and what they mean. */
export type ErrorRow = readonly [codes: readonly string[], verdict: Verdict];

/** Looks a report up by its code, then by its type: the body is believed before the status. */
export function byCode(rows: readonly ErrorRow[], report: ErrorReport): Verdict | undefined {
  for (const name of [report.code, report.type]) {
    if (name === undefined) continue;
    const sought = name.toLowerCase();
    const row = rows.find(([codes]) => codes.some((code) => matches(code.toLowerCase(), sought)));
    if (row !== undefined) return row[1];
  }
  return undefined;
}

const matches = (code: string, sought: string): boolean =>
  code.endsWith("*") ? sought.startsWith(code.slice(0, -1)) : code === sought;

/** What a status means where the body says nothing that is known. */
export function byStatus(status: number): Verdict {
  if (status === 408 || status === 504 || status === 524) return TOO_SLOW;
  if (status === 401 || status === 402 || status === 403) return BAD_KEY;
  if (status === 429) return RATE_LIMITED;
  if (status === 413) return TOO_LARGE;
  // The path and the model's name are ours, not the client's.
  if (status === 404 || status === 405 || status === 410) return MISCONFIGURED;
  if (status >= 400 && status < 500) return BAD_REQUEST;
  if (status >= 300 && status < 400) return MISCONFIGURED;
  return BROKEN;
}

const CONTEXT_LENGTH = [
  /maximum context length|context[ _]length|context window|max(?:imum)?[ _]model[ _]len/i,
  /(?:input|prompt|message) (?:is|was) too (?:long|large)|too many (?:input )?tokens/i,
  /range of input length|exceeds? the (?:model'?s? )?max(?:imum)? (?:input )?(?:length|tokens)/i,
];

/** A request fault whose words speak of length is `context_length_exceeded`, whatever its code. */
export function refineByMessage(verdict: Verdict, message: string): Verdict {
  const isVague = verdict === BAD_REQUEST || verdict === BAD_PARAMETER || verdict === TOO_LARGE;
  return isVague && CONTEXT_LENGTH.some((pattern) => pattern.test(message)) ? TOO_LONG : verdict;
}

export interface FailureContext {
  readonly secret: string;
  readonly retryAfterMs?: number | undefined;
}

/** The failure as the gateway sees it: judged, scrubbed, bounded. */
export function failureOf(report: ErrorReport, verdict: Verdict, context: FailureContext): VendorFailure {
  const vendorCode = report.code ?? report.type;
  return {
    ...verdict,
    status: report.status,
    message: scrub(report.message, context.secret),
    ...(vendorCode === undefined ? {} : { vendorCode: scrub(vendorCode, context.secret) }),
    ...(report.param === undefined ? {} : { param: scrub(report.param, context.secret) }),
    ...(context.retryAfterMs === undefined ? {} : { retryAfterMs: context.retryAfterMs }),
  };
}
