import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { ErrorReport } from "../failure/error-body.ts";
import { judgedFailure } from "../failure/job-failure.ts";
import {
  BAD_CONTENT,
  BAD_REQUEST,
  BROKEN,
  RATE_LIMITED,
  TOO_SLOW,
  type Verdict,
} from "../failure/verdict.ts";
import type { MediaAnswer } from "../media-adapter.ts";

/** The codes of a submission's answer; 1, 21 and 22 are no errors. */
export const MJ_CODES = { submitted: 1, exists: 21, queued: 22 } as const;
const NOT_FOUND = 3;
const INVALID = 4;
const GATEWAY = 5;
const SYSTEM = 9;
const QUEUE_FULL = 23;
const BANNED = 24;

const NO_TASK: Verdict = { fault: "request", code: "not_found" };
const FULL: Verdict = { fault: "account", code: "rate_limit_exceeded" };

/**
 * What a submission was refused for.
 * @param hasParent a task to go on from was named: then "not found" is that task, else no account of the proxy is usable
 */
export function codeFailure(
  code: number,
  description: string,
  hasParent: boolean,
  answer: MediaAnswer,
): { readonly failure: VendorFailure; readonly mayHaveRun: boolean } {
  const report = { status: answer.status, code: String(code), message: description };
  const failure = judgedFailure(report, answer, () => verdictOf(code, description, hasParent));
  // A gateway before the proxy lost its connection: nobody knows what the proxy made of it.
  return { failure, mayHaveRun: code === GATEWAY };
}

function verdictOf(code: number, description: string, hasParent: boolean): Verdict {
  switch (code) {
    case NOT_FOUND:
      return hasParent ? NO_TASK : BROKEN;
    case INVALID:
      return BAD_REQUEST;
    case GATEWAY:
    case SYSTEM:
      return BROKEN;
    case QUEUE_FULL:
      return FULL;
    case BANNED:
      return BAD_CONTENT;
    default:
      return wordsVerdict(description) ?? BROKEN;
  }
}

const CONTENT = /banned|sensitive|blocked|moderat|敏感|违规/i;
const REQUEST = /invalid (?:parameter|link)|invalid prompt|unrecognized/i;
const CAPACITY = /queue (?:is )?full|job limit|队列已满/i;
const CHANNEL = /subscription|paused|captcha|account|账号/i;
const TIMEOUT = /任务超时|timed? ?out/i;

/** Texts of `failReason` and of codes that are not in the table. */
function wordsVerdict(words: string): Verdict | undefined {
  if (CONTENT.test(words)) return BAD_CONTENT;
  if (REQUEST.test(words)) return BAD_REQUEST;
  if (CAPACITY.test(words)) return RATE_LIMITED;
  if (CHANNEL.test(words)) return BROKEN;
  if (TIMEOUT.test(words)) return TOO_SLOW;
  return undefined;
}

/** What a job failed of. */
export function failReasonFailure(
  words: string,
  answer: Pick<MediaAnswer, "headers" | "secret">,
): VendorFailure {
  const message = words === "" ? "The job failed." : words;
  return judgedFailure({ status: 200, message }, answer, () => wordsVerdict(words) ?? BROKEN);
}

/** By status where the body says nothing of its own. */
export const classify = (_report: ErrorReport): Verdict | undefined => undefined;
