import type { JsonObject } from "../../../core/generation.ts";
import type { MadePicture, MediaResult } from "../../../core/media.ts";
import { NO_USAGE, type Usage } from "../../../core/usage.ts";
import type { VendorFailure } from "../../../core/vendor-failure.ts";
import type { Target } from "../../adapter.ts";
import { type ErrorReport, reportOf } from "../../failure/error-body.ts";
import { judgedFailure, refusedCall, refusedJob, unreadableJob } from "../../failure/job-failure.ts";
import { pictureAt } from "../../inline-picture.ts";
import { isObject, listOf, numberOf, objectOf, parseJson, textOf } from "../../json.ts";
import type { JobState, MediaAnswer, MediaCall, RunningJob } from "../../media-adapter.ts";
import { classify } from "../errors.ts";
import { nativeBase } from "../native-base.ts";

/** Model Studio's pages ask for five seconds; the fastest jobs take eight. */
const ASK_MS = 5_000;

type State = JobState | { readonly kind: "unknown" };

export const jobCall = (
  { jobId }: RunningJob,
  { baseUrl, secret }: Target,
  end: "" | "/cancel" = "",
): MediaCall => ({
  method: end === "" ? "GET" : "POST",
  url: `${nativeBase(baseUrl)}/tasks/${encodeURIComponent(jobId)}${end}`,
  headers: { authorization: `Bearer ${secret}` },
});

/** An answer to a submission: a job, or at once what it made. */
export function readSubmitted(answer: MediaAnswer): JobState {
  if (answer.status < 200 || answer.status > 299) return refusedCall(answer, classify);
  const state = stateIn(answer);
  return state.kind === "unknown" ? unreadableJob("unknown_job", "The vendor does not know the job.") : state;
}

export const readPolled = (answer: MediaAnswer): State =>
  answer.status < 200 || answer.status > 299 ? refusedJob(answer, classify) : stateIn(answer);

function stateIn(answer: MediaAnswer): State {
  const { body } = answer;
  const said = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  const output = objectOf(objectOf(said)?.output);
  if (!isObject(said) || output === undefined) {
    const report = reportOf(200, said);
    if (report !== undefined) return { kind: "failed", failure: judgedFailure(report, answer, classify) };
    return unreadableJob("no_output", "The vendor's answer says nothing of a job.");
  }
  const jobId = textOf(output.task_id);
  const job = jobId === undefined ? undefined : { jobId };
  switch (output.task_status) {
    case "PENDING":
    case "RUNNING":
    case "SUSPENDED":
      if (job === undefined) return unreadableJob("no_job", "The vendor's answer names no job.");
      return { kind: "running", job, askAgainMs: ASK_MS };
    case "FAILED":
      return { kind: "failed", failure: failureOf(output, answer) };
    case "CANCELED":
      return { kind: "cancelled" };
    case "UNKNOWN":
      return { kind: "unknown" };
    case "SUCCEEDED":
    case undefined:
      return done(said, output, answer, job);
    default:
      return unreadableJob("unknown_state", "The vendor's answer says no known state.");
  }
}

/** Some pictures of a job that went well may have failed; the vendor counts those that did not. */
function done(
  said: JsonObject,
  output: JsonObject,
  answer: MediaAnswer,
  job: RunningJob | undefined,
): JobState {
  const failures: VendorFailure[] = [];
  const pictures = itemsIn(output).flatMap((item): MadePicture[] => {
    const url = textOf(item.url) ?? textOf(item.image);
    const picture = url === undefined ? undefined : pictureAt(url);
    if (picture !== undefined) return [picture];
    if (textOf(item.code) === undefined) return [];
    const failure = failureOf(item, answer);
    failures.push(failure);
    return [{ kind: "refused", code: failure.code, message: failure.message }];
  });
  const [failure] = failures;
  if (failure !== undefined && failures.length === pictures.length) return { kind: "failed", failure };
  if (pictures.length === 0) return unreadableJob("no_pictures", "The vendor's answer holds no picture.");
  const usage = usageOf(said, output);
  const revised = itemsIn(output)
    .map((item) => textOf(item.actual_prompt))
    .find((words) => words !== undefined);
  const result: MediaResult = {
    pictures,
    usage,
    ...(revised === undefined ? {} : { extra: { revised_prompt: revised } }),
  };
  return { kind: "done", result, ...(job && { job }) };
}

/** `results` of older jobs, and the parts of the messages of newer ones. */
const itemsIn = (output: JsonObject): readonly JsonObject[] => [
  ...listOf(output.results).filter(isObject),
  ...listOf(output.choices).flatMap((choice) =>
    listOf(objectOf(objectOf(choice)?.message)?.content).filter(isObject),
  ),
];

/** Numbers may be written as fractions. A size that is told is a variant: `1K` or `2K`, as price lists have it. */
function usageOf({ usage: told }: JsonObject, output: JsonObject): Usage | undefined {
  const usage = objectOf(told);
  const metrics = objectOf(output.task_metrics) ?? objectOf(output.task_metric);
  const counted = numberOf(usage?.image_count) ?? numberOf(metrics?.SUCCEEDED);
  if (counted === undefined) return undefined;
  const images = Math.ceil(counted);
  const variant = variantOf(usage);
  return {
    ...NO_USAGE,
    images,
    ...(variant === undefined || images === 0 ? {} : { imageVariants: { [variant]: images } }),
  };
}

/** Half-way between 1024 by 1024 and 2048 by 2048. */
const MOST_PIXELS_OF_1K = 1_536 * 1_536;

function variantOf(usage: JsonObject | undefined): "1K" | "2K" | undefined {
  const [, width = usage?.width, height = usage?.height] =
    /^(\d{2,5})\*(\d{2,5})$/.exec(textOf(usage?.size) ?? "") ?? [];
  const pixels = Number(width) * Number(height);
  if (!Number.isFinite(pixels) || pixels <= 0) return undefined;
  return pixels <= MOST_PIXELS_OF_1K ? "1K" : "2K";
}

function failureOf(said: JsonObject, answer: MediaAnswer): VendorFailure {
  const code = textOf(said.code);
  const report: ErrorReport = {
    status: 200,
    message: textOf(said.message) ?? "The job failed.",
    ...(code === undefined ? {} : { code }),
  };
  return judgedFailure(report, answer, classify);
}
