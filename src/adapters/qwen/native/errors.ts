import type { VendorFailure } from "../../../core/vendor-failure.ts";
import { type ErrorReport, readErrorBody, reportOf } from "../../failure/error-body.ts";
import { retryAfterMs } from "../../failure/retry-after.ts";
import { byStatus, failureOf, refineByMessage } from "../../failure/verdict.ts";
import { isObject, textOf } from "../../json.ts";
import { unreadable } from "../../openai-family/errors.ts";
import { classify } from "../errors.ts";

/** A non-2xx answer: flat, `{"code","message","request_id"}`. */
export function classifyError(status: number, headers: Headers, body: string, secret: string): VendorFailure {
  return judged(readErrorBody(status, body), headers, secret);
}

/** An error that came inside a 200, whole or as an event; undefined when the value is none. An answer may have an empty code. */
export function failureInside(value: unknown, secret: string): VendorFailure | undefined {
  if (isObject(value) && isObject(value.output) && textOf(value.code) === undefined) return undefined;
  const report = reportOf(200, value);
  return report === undefined ? undefined : judged(report, new Headers(), secret);
}

function judged(report: ErrorReport, headers: Headers, secret: string): VendorFailure {
  const verdict = refineByMessage(classify(report) ?? byStatus(report.status), report.message);
  return failureOf(report, verdict, { secret, retryAfterMs: retryAfterMs(headers, report.message) });
}

/** A 2xx that is neither an answer nor an error. */
export function notAnAnswer(text: string): VendorFailure {
  if (text === "") return unreadable("empty_body", "The vendor answered with an empty body.");
  if (text.startsWith("<")) return unreadable("html_body", "The vendor answered with an HTML page.");
  return unreadable("invalid_body", "The vendor's answer is not of the form that was asked for.");
}
