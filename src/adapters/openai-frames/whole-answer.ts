import type { VendorAnswer } from "../adapter.ts";
import { unreadable } from "../openai-family/errors.ts";
import { completionBody } from "./completion-body.ts";
import type { AnswerNames } from "./names.ts";
import type { Shown } from "./shown.ts";

/** What was read of a whole answer, as an answer in OpenAI's form; a failure when it tells one, or when no choice ended. */
export function wholeAnswer(names: AnswerNames, shown: readonly Shown[]): VendorAnswer {
  const failed = shown.find((item) => item.type === "failure");
  if (failed !== undefined) return { ok: false, failure: failed.failure };
  const whole = completionBody(names, shown);
  if (whole.finishReasons.length === 0) {
    return { ok: false, failure: unreadable("no_result", "The vendor's answer holds no result.") };
  }
  return {
    ok: true,
    body: Buffer.from(JSON.stringify(whole.body)),
    parsed: whole.body,
    usage: whole.usage,
    finishReasons: whole.finishReasons,
    outputChars: whole.outputChars,
  };
}
