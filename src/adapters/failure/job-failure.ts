import { MAX_ERROR_BYTES } from "../../core/limits.ts";
import type { JobState, MediaAnswer } from "../media-adapter.ts";
import { type ErrorReport, readErrorBody } from "./error-body.ts";
import { retryAfterMs } from "./retry-after.ts";
import { BROKEN, byStatus, failureOf, refineByMessage, type Verdict } from "./verdict.ts";

/** An answer that is an error: judged by the vendor's own codes first, then by its status. */
export function refusedJob(
  answer: MediaAnswer,
  classify: (report: ErrorReport) => Verdict | undefined,
): JobState & { readonly kind: "failed" } {
  const report = readErrorBody(answer.status, bodyText(answer));
  return { kind: "failed", failure: judgedFailure(report, answer, classify) };
}

/** Said by what stands before a vendor when it waited long enough: the vendor may be at work all the same. */
const GAVE_UP: ReadonlySet<number> = new Set([504, 524]);

/** Whether a call, which answers with what it made, may have made it: somebody gave it up, and it was not the vendor. */
export function mayHaveMade(answer: MediaAnswer): boolean {
  if (!GAVE_UP.has(answer.status)) return false;
  const { code, type } = readErrorBody(answer.status, bodyText(answer));
  return code === undefined && type === undefined;
}

/** An answer that is an error, of a vendor whose calls answer with what they made. */
export function refusedCall(
  answer: MediaAnswer,
  classify: (report: ErrorReport) => Verdict | undefined,
): JobState & { readonly kind: "failed" } {
  const failed = refusedJob(answer, classify);
  return mayHaveMade(answer) ? { ...failed, mayHaveRun: true } : failed;
}

/** A report, as the gateway sees it. */
export function judgedFailure(
  report: ErrorReport,
  { headers, secret }: Pick<MediaAnswer, "headers" | "secret">,
  classify: (report: ErrorReport) => Verdict | undefined,
) {
  const verdict = refineByMessage(classify(report) ?? byStatus(report.status), report.message);
  return failureOf(report, verdict, { secret, retryAfterMs: retryAfterMs(headers, report.message) });
}

/** A 2xx whose content is no answer: what was asked for may have been done. The words are ours. */
export function unreadableJob(vendorCode: string, message: string): JobState & { readonly kind: "failed" } {
  return { kind: "failed", failure: { ...BROKEN, status: 200, vendorCode, message }, mayHaveRun: true };
}

/** The beginning of a body as text: reasons stand there. */
export const bodyText = ({ body }: Pick<MediaAnswer, "body">): string =>
  Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, MAX_ERROR_BYTES)).toString("utf8");
