import type { JsonObject } from "../../../core/generation.ts";
import type { MadePicture } from "../../../core/media.ts";
import type { Usage } from "../../../core/usage.ts";
import type { VendorFailure } from "../../../core/vendor-failure.ts";
import { bodyText, mayHaveMade, unreadableJob } from "../../failure/job-failure.ts";
import { BAD_CONTENT, BAD_REQUEST, failureOf, type Verdict } from "../../failure/verdict.ts";
import { pictureIn } from "../../inline-picture.ts";
import { isObject, listOf, objectOf, parseJson, textOf } from "../../json.ts";
import type { JobState, MediaAnswer } from "../../media-adapter.ts";
import { classifyError, failureInside } from "../errors.ts";
import { finishReasonOf } from "../finish-reason.ts";
import { usageOf } from "../usage.ts";

/** Pictures are parts of an answer among words. */
export function readPictures(answer: MediaAnswer): JobState {
  const { status, headers, body, secret } = answer;
  if (status < 200 || status > 299) {
    const failure = classifyError(status, headers, bodyText(answer), secret);
    return { kind: "failed", failure, ...(mayHaveMade(answer) ? { mayHaveRun: true } : {}) };
  }
  const said = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  const candidates = listOf(objectOf(said)?.candidates).filter(isObject);
  const pictures = candidates.flatMap(picturesOf);
  if (!isObject(said) || pictures.length === 0) {
    const failure = failureInside(said, secret) ?? refusalOf(objectOf(said), candidates, secret);
    if (failure !== undefined) return { kind: "failed", failure };
    return unreadableJob("no_pictures", "The vendor's answer holds no picture.");
  }
  return {
    kind: "done",
    result: { pictures, usage: picturesUsage(objectOf(said.usageMetadata), pictures.length) },
  };
}

/** Sketches that a model makes while it thinks are not what was asked for. */
const picturesOf = ({ content }: JsonObject): readonly MadePicture[] =>
  listOf(objectOf(content)?.parts).flatMap((part): MadePicture[] => {
    if (!isObject(part) || part.thought === true) return [];
    const data = textOf(objectOf(part.inlineData)?.data);
    const picture = data === undefined ? undefined : pictureIn(data);
    return picture === undefined ? [] : [picture];
  });

/** Why there is none: the prompt was blocked, the picture was, or the model has answered in words. */
function refusalOf(
  said: JsonObject | undefined,
  candidates: readonly JsonObject[],
  secret: string,
): VendorFailure | undefined {
  const refused = (verdict: Verdict, code: string, message: string): VendorFailure =>
    failureOf({ status: 200, code, message }, verdict, { secret });
  const feedback = objectOf(said?.promptFeedback);
  const blocked = textOf(feedback?.blockReason);
  if (blocked !== undefined) {
    const words = textOf(feedback?.blockReasonMessage) ?? "The prompt was blocked.";
    return refused(BAD_CONTENT, blocked, words);
  }
  const reason = candidates
    .map(({ finishReason }) => textOf(finishReason))
    .find((name) => name !== undefined);
  if (reason === undefined) return undefined;
  const words = candidates
    .map(({ finishMessage }) => textOf(finishMessage))
    .find((text) => text !== undefined);
  return finishReasonOf(reason, false) === "content_filter"
    ? refused(BAD_CONTENT, reason, words ?? "The picture was refused.")
    : refused(BAD_REQUEST, reason, words ?? "The model answered without a picture.");
}

/** Where the kinds of output are not told apart, all of it is pictures: they are the dearer kind. */
function picturesUsage(raw: JsonObject | undefined, images: number): Usage | undefined {
  const usage = raw === undefined ? undefined : usageOf(raw);
  if (usage === undefined) return undefined;
  if (usage.imageOutput !== undefined) return { ...usage, images };
  return { ...usage, output: 0, imageOutput: usage.output, images };
}
