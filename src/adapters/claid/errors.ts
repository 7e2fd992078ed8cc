import type { VendorFailure } from "../../core/vendor-failure.ts";
import { type ErrorReport, readErrorBody } from "../failure/error-body.ts";
import { bodyText, judgedFailure, mayHaveMade } from "../failure/job-failure.ts";
import {
  BAD_CONTENT,
  BAD_KEY,
  BAD_REQUEST,
  BROKEN,
  MISCONFIGURED,
  RATE_LIMITED,
  type Verdict,
} from "../failure/verdict.ts";
import { isObject, objectOf, parseJson, textOf } from "../json.ts";
import type { JobState, MediaAnswer } from "../media-adapter.ts";

const REFUSED_CONTENT = /moderation|nsfw|sensitive|inappropriate|content polic|prohibited|blocked/i;
/** What a client's own picture is at fault for. */
const BAD_PICTURE =
  /retriev|download|not (?:a valid|an) image|unsupported (?:image|format)|too (?:large|small)|resolution|invalid/i;

const verdictOf = ({ status, message }: ErrorReport): Verdict | undefined => {
  if (status === 401 || status === 402 || status === 403) return BAD_KEY;
  if (status === 429) return RATE_LIMITED;
  if (status === 404) return MISCONFIGURED;
  if (status >= 400 && status < 500) return REFUSED_CONTENT.test(message) ? BAD_CONTENT : BAD_REQUEST;
  return undefined;
};

/** An answer that is an error. Its codes are numbers of which few are published, so the status says what it is. */
export function refusedBy(answer: MediaAnswer): JobState & { readonly kind: "failed" } {
  const failure = judgedFailure(reportOf(answer), answer, verdictOf);
  const retryAfterMs = failure.retryAfterMs ?? resetMs(answer.headers);
  return {
    kind: "failed",
    failure:
      retryAfterMs === undefined || failure.fault !== "account" ? failure : { ...failure, retryAfterMs },
    // Some of its calls answer with what they made.
    ...(mayHaveMade(answer) ? { mayHaveRun: true } : {}),
  };
}

/** What a job failed of, which is said in words alone. */
export function failureOfJob(
  message: string,
  answer: Pick<MediaAnswer, "headers" | "secret">,
): VendorFailure {
  const verdict = REFUSED_CONTENT.test(message)
    ? BAD_CONTENT
    : BAD_PICTURE.test(message)
      ? BAD_REQUEST
      : BROKEN;
  return judgedFailure({ status: 200, message }, answer, () => verdict);
}

/** `{error_code, error_type, error_message, error_details}`, at the top or, with 429, below `detail`. */
function reportOf(answer: MediaAnswer): ErrorReport {
  const text = bodyText(answer);
  const body = objectOf(parseJson(text.trim()));
  const error = [body, objectOf(body?.detail)].find((part) => textOf(part?.error_message) !== undefined);
  const message = textOf(error?.error_message);
  if (error === undefined || message === undefined) return readErrorBody(answer.status, text);
  const [param, reasons] = Object.entries(isObject(error.error_details) ? error.error_details : {})[0] ?? [];
  const code = [textOf(error.error_type), textOf(error.error_code)].filter((part) => part !== undefined);
  return {
    status: answer.status,
    message: reasons === undefined ? message : `${message} ${param}: ${JSON.stringify(reasons)}`,
    ...(code.length === 0 ? {} : { code: code.join("_") }),
    ...(param === undefined ? {} : { param }),
  };
}

/** Seconds until calls are taken again; there is no `Retry-After`. */
function resetMs(headers: Headers): number | undefined {
  const text = headers.get("ratelimit-reset")?.trim() ?? "";
  return /^\d{1,6}(?:\.\d+)?$/.test(text) ? Math.ceil(Number(text) * 1_000) : undefined;
}
