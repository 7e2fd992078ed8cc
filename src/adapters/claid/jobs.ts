import type { JsonObject } from "../../core/generation.ts";
import type { MadePicture } from "../../core/media.ts";
import { NO_USAGE } from "../../core/usage.ts";
import type { Target } from "../adapter.ts";
import { unreadableJob } from "../failure/job-failure.ts";
import { isObject, listOf, objectOf, parseJson, textOf } from "../json.ts";
import type { JobState, MediaAnswer, MediaCall, RunningJob } from "../media-adapter.ts";
import { failureOfJob } from "./errors.ts";

/** Where a kind of job is asked about. The same number may be a job of each, so a job's id names its kind as well. */
const PATHS = {
  "edit-async": "/image/edit/async/",
  "edit-batch": "/image/edit/batch/",
  "ai-edit": "/image/ai-edit/",
  "ai-fashion-models": "/image/ai-fashion-models/",
} as const;
export type JobKind = keyof typeof PATHS;
const KINDS = Object.keys(PATHS) as JobKind[]; // the keys of the literal above

/** The account has 4 questions a second for all its jobs together. */
const ASK_MS = 2_000;
/** What paused means is not documented: it may last. */
const PAUSED_ASK_MS = 15_000;
/** More than one call can make: what is beyond was not asked for. */
const MOST_PICTURES = 100;

/** The question how a job is doing. */
export function jobCall({ jobId }: RunningJob, { baseUrl, secret }: Target): MediaCall {
  const kind = KINDS.find((name) => jobId.startsWith(`${name}-`)) ?? "edit-async";
  const id = jobId.startsWith(`${kind}-`) ? jobId.slice(kind.length + 1) : jobId;
  return {
    method: "GET",
    url: baseUrl + PATHS[kind] + encodeURIComponent(id),
    headers: { authorization: `Bearer ${secret}` },
  };
}

/**
 * A 2xx: `data` holds pictures (`output`), or how a job is doing (`status`), with its pictures in `result` or `results`.
 * @param kind of the job where the answer does not say it
 */
export function readJob(answer: MediaAnswer, kind: JobKind | undefined): JobState {
  const { body } = answer;
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
  const envelope = objectOf(parseJson(text));
  const data = objectOf(envelope?.data) ?? envelope;
  if (data === undefined) return unreadableJob("not_json", "The vendor's answer is not JSON.");
  return textOf(data.status) === undefined ? done(data, answer, undefined) : stateOf(data, answer, kind);
}

function stateOf(data: JsonObject, answer: MediaAnswer, kind: JobKind | undefined): JobState {
  const job = jobOf(data, kind);
  switch (data.status) {
    case "ACCEPTED":
    case "WAITING":
    case "PROCESSING":
    case "PAUSED": {
      if (job === undefined) return unreadableJob("no_job", "The vendor's answer names no job.");
      return { kind: "running", job, askAgainMs: data.status === "PAUSED" ? PAUSED_ASK_MS : ASK_MS };
    }
    case "DONE":
      return done(data, answer, job);
    case "ERROR":
      return { kind: "failed", failure: failureOfJob(wordsOf(data)[0] ?? "The job failed.", answer) };
    case "CANCELLED":
      return { kind: "cancelled" };
    default:
      return unreadableJob("unknown_state", "The vendor's answer says no known state.");
  }
}

/** The job that an answer or a message is about; undefined where it does not say which. */
export function jobOf(data: JsonObject, kind: JobKind | undefined): RunningJob | undefined {
  const url = textOf(data.result_url) ?? "";
  const named = KINDS.find((name) => url.includes(PATHS[name])) ?? kind;
  const id = typeof data.id === "number" ? String(data.id) : textOf(data.id);
  return id === undefined || named === undefined ? undefined : { jobId: `${named}-${id}` };
}

function done(data: JsonObject, answer: MediaAnswer, job: RunningJob | undefined): JobState {
  const pictures = outputsOf(data).flatMap((output): MadePicture[] => {
    const url = textOf(output.tmp_url);
    return url !== undefined && /^https?:/.test(url) && URL.canParse(url) ? [{ kind: "url", url }] : [];
  });
  const words = wordsOf(data);
  const [first] = words;
  if (pictures.length === 0) {
    if (first !== undefined) return { kind: "failed", failure: failureOfJob(first, answer) };
    return unreadableJob("no_pictures", "The vendor's answer holds no picture.");
  }
  const usage = { ...NO_USAGE, images: pictures.length };
  // Of several pictures some may have failed.
  for (const message of words) {
    const { code, message: clean } = failureOfJob(message, answer);
    pictures.push({ kind: "refused", code, message: clean });
  }
  return { kind: "done", result: { pictures, usage }, ...(job && { job }) };
}

function outputsOf(data: JsonObject): readonly JsonObject[] {
  const results = [objectOf(data.result), ...listOf(data.results).map(objectOf)];
  const named = results.flatMap((result) => [result?.output_object, ...listOf(result?.output_objects)]);
  const plain = Array.isArray(data.output) ? listOf(data.output) : [data.output];
  return [...plain, ...named].filter(isObject).slice(0, MOST_PICTURES);
}

const wordsOf = (data: JsonObject): readonly string[] =>
  listOf(data.errors)
    .slice(0, MOST_PICTURES)
    .flatMap((error) => textOf(objectOf(error)?.error) ?? []);
