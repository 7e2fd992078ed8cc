import type { MadePicture } from "../../../core/media.ts";
import { NO_USAGE } from "../../../core/usage.ts";
import type { VendorFailure } from "../../../core/vendor-failure.ts";
import { reportOf } from "../../failure/error-body.ts";
import { judgedFailure, refusedCall, unreadableJob } from "../../failure/job-failure.ts";
import { pictureAt, pictureIn } from "../../inline-picture.ts";
import { isObject, listOf, numberOf, objectOf, parseJson, textOf } from "../../json.ts";
import type { JobState, MediaAnswer } from "../../media-adapter.ts";
import { classify } from "../errors.ts";

/**
 * Pictures, and among them errors of those that were refused. The vendor charges what it calls `generated_images`, so that
 * is what is counted.
 */
export function readPictures(answer: MediaAnswer): JobState {
  if (answer.status < 200 || answer.status > 299) return refusedCall(answer, classify);
  const { body } = answer;
  const said = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  const items = listOf(objectOf(said)?.data).filter(isObject);
  const failures: VendorFailure[] = [];
  const pictures = items.flatMap((item): MadePicture[] => {
    const url = textOf(item.url);
    const base64 = textOf(item.b64_json);
    const picture = url !== undefined ? pictureAt(url) : base64 !== undefined ? pictureIn(base64) : undefined;
    if (picture !== undefined) return [picture];
    const report = isObject(item.error) ? reportOf(200, item) : undefined;
    if (report === undefined) return [];
    const failure = judgedFailure(report, answer, classify);
    failures.push(failure);
    return [{ kind: "refused", code: failure.code, message: failure.message }];
  });
  const [failure] = failures;
  // None was made: then it is a failure like any other, and another vendor may do better.
  if (failure !== undefined && failures.length === pictures.length) return { kind: "failed", failure };
  if (pictures.length === 0) {
    const report = reportOf(200, said);
    if (report !== undefined) return { kind: "failed", failure: judgedFailure(report, answer, classify) };
    return unreadableJob("no_pictures", "The vendor's answer holds no picture.");
  }
  const images = numberOf(objectOf(objectOf(said)?.usage)?.generated_images);
  const usage = images === undefined ? undefined : { ...NO_USAGE, images };
  return { kind: "done", result: { pictures, usage } };
}
