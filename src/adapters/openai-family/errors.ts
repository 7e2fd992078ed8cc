import type { JsonObject } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { type ErrorReport, readErrorBody, reportOf } from "../failure/error-body.ts";
import { retryAfterMs } from "../failure/retry-after.ts";
import { BROKEN, byStatus, failureOf, refineByMessage, type Verdict } from "../failure/verdict.ts";
import type { Member } from "./member.ts";

/** A non-2xx answer, judged: body code first, then status. */
export function classifyResponse(
  member: Member,
  status: number,
  headers: Headers,
  body: string,
  secret: string,
): VendorFailure {
  const report = readErrorBody(status, body);
  return failureOf(report, judge(member, report), {
    secret,
    retryAfterMs: retryAfterMs(headers, report.message),
  });
}

/** An error object that came inside a 200; undefined when the value is none. */
export function failureInside(member: Member, value: unknown, secret: string): VendorFailure | undefined {
  const report = reportOf(200, value);
  if (report === undefined) return undefined;
  return failureOf(report, judge(member, report), {
    secret,
    retryAfterMs: retryAfterMs(new Headers(), report.message),
  });
}

/** A 2xx whose content is no answer. The words are ours: what came may be anything. */
export function unreadable(vendorCode: string, message: string): VendorFailure {
  return { ...BROKEN, status: 200, vendorCode, message };
}

/** The vendor stopped by itself in the middle, and said so in `finish_reason`; only a plain word of it is kept. */
export const brokenOff = (reason: string): VendorFailure =>
  unreadable(
    /^[a-z_]{1,64}$/i.test(reason) ? reason : "unknown_finish_reason",
    "The vendor broke off the answer.",
  );

/** True for a chunk that carries a real error: some vendors write `"error": null` into every chunk. */
export const hasError = (chunk: JsonObject): boolean => chunk.error !== undefined && chunk.error !== null;

function judge(member: Member, report: ErrorReport): Verdict {
  const verdict = member.classify(report) ?? byStatus(report.status);
  return refineByMessage(verdict, report.message);
}
