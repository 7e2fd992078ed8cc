import type { JsonObject } from "../../../core/generation.ts";
import type { MadePicture } from "../../../core/media.ts";
import { NO_USAGE, type Usage } from "../../../core/usage.ts";
import { reportOf } from "../../failure/error-body.ts";
import { judgedFailure, refusedCall, unreadableJob } from "../../failure/job-failure.ts";
import { pictureAt, pictureIn } from "../../inline-picture.ts";
import { isObject, listOf, numberOf, objectOf, parseJson, textOf } from "../../json.ts";
import type { JobState, MediaAnswer } from "../../media-adapter.ts";
import { classify } from "../errors.ts";

/** OpenAI answers with all pictures at once, in base64; servers that speak its dialect give URLs as well. */
export function readPictures(answer: MediaAnswer): JobState {
  if (answer.status < 200 || answer.status > 299) return refusedCall(answer, classify);
  const { body } = answer;
  const said = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  const items = listOf(objectOf(said)?.data).filter(isObject);
  const pictures = items.flatMap((item): MadePicture[] => {
    const base64 = textOf(item.b64_json);
    const url = textOf(item.url);
    const picture = base64 !== undefined ? pictureIn(base64) : url !== undefined ? pictureAt(url) : undefined;
    return picture === undefined ? [] : [picture];
  });
  if (!isObject(said) || pictures.length === 0) {
    const report = reportOf(200, said);
    if (report !== undefined) return { kind: "failed", failure: judgedFailure(report, answer, classify) };
    return unreadableJob("no_pictures", "The vendor's answer holds no picture.");
  }
  const revised = items.map((item) => textOf(item.revised_prompt)).find((words) => words !== undefined);
  return {
    kind: "done",
    result: {
      pictures,
      usage: usageOf(said, pictures.length),
      ...(revised === undefined ? {} : { extra: { revised_prompt: revised } }),
    },
  };
}

/**
 * Tokens of words and of pictures cost differently, so they are told apart; output of which nothing else is said is
 * pictures. Undefined: neither tokens nor a kind of picture is told.
 */
function usageOf(said: JsonObject, images: number): Usage | undefined {
  const usage = objectOf(said.usage);
  const input = numberOf(usage?.input_tokens);
  const output = numberOf(usage?.output_tokens);
  const kind = kindOf(said);
  const made = { ...NO_USAGE, images, ...(kind === undefined ? {} : { imageVariants: { [kind]: images } }) };
  if (input === undefined || output === undefined) return kind === undefined ? undefined : made;
  const imageInput = numberOf(objectOf(usage?.input_tokens_details)?.image_tokens) ?? 0;
  const imageOutput = numberOf(objectOf(usage?.output_tokens_details)?.image_tokens) ?? output;
  return {
    ...made,
    input: input - imageInput,
    ...(imageInput === 0 ? {} : { imageInput }),
    output: output - imageOutput,
    ...(imageOutput === 0 ? {} : { imageOutput }),
  };
}

/** What was drawn, for prices by the picture: `1024x1024/high`. */
function kindOf({ size, quality }: JsonObject): string | undefined {
  const isKnown = /^\d{2,5}x\d{2,5}$/.test(textOf(size) ?? "") && /^[a-z]{1,16}$/.test(textOf(quality) ?? "");
  return isKnown ? `${textOf(size)}/${textOf(quality)}` : undefined;
}
