import type { VendorFailure } from "../../../core/vendor-failure.ts";
import { isObject, textOf } from "../../json.ts";
import { hasError } from "../../openai-family/errors.ts";
import type { Judge } from "../../openai-services/service.ts";

/**
 * The error in what came in place of an answer; undefined where it tells of none. DashScope's answers have an empty `code`
 * and `message`: they must not be shown as an error's words, since links and transcripts stand in them.
 */
export function toldError(value: unknown, judge: Judge): VendorFailure | undefined {
  if (!isObject(value)) return undefined;
  const tells = hasError(value) || textOf(value.code) !== undefined || textOf(value.message) !== undefined;
  return tells ? judge(value) : undefined;
}
