import type { Clock } from "../../../core/clock.ts";
import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { MadePicture, MediaInput, MediaRequest } from "../../../core/media.ts";
import { NO_USAGE } from "../../../core/usage.ts";
import type { Target } from "../../adapter.ts";
import { judgedFailure, refusedJob, unreadableJob } from "../../failure/job-failure.ts";
import { pictureAt, pictureIn } from "../../inline-picture.ts";
import { isObject, listOf, numberOf, objectOf, parseJson, textOf } from "../../json.ts";
import type { JobState, MediaAdapter, MediaAnswer, MediaCall, RunningJob } from "../../media-adapter.ts";
import { classify } from "../../openai/errors.ts";
import { createSandboxStudio } from "./server.ts";

/** Asked again when it does not say when. */
const USUAL_ASK_MS = 500;
const FORMATS: ReadonlySet<string | undefined> = new Set([undefined, "png", "jpeg", "webp"]);

/** The built-in vendor of pictures: letters on coloured paper. What it can be told to do stands in `settings.ts`. */
export const createSandboxMedia = (clock: Clock): MediaAdapter => ({
  name: "sandbox",
  defaultBaseUrl: "sandbox://local/v1",
  operations: new Set(["image", "image_edit"]),
  transport: createSandboxStudio(clock),
  resubmission: "never",
  submit(request, target, mark) {
    if (!FORMATS.has(request.format)) {
      throw new SluiceError("unsupported_parameter", "The sandbox writes png, jpeg and webp.", {
        param: "output_format",
      });
    }
    const dropped = [
      ...(request.quality === undefined ? [] : ["quality"]),
      ...(request.style === undefined ? [] : ["style"]),
    ];
    const call = post(target, "/images/generations", { ...askedFor(request, target), mark });
    return dropped.length === 0 ? call : { ...call, dropped };
  },
  readSubmitted: (request, answer) => readJob(answer, memoOf(request)),
  poll: (job, target) =>
    post(target, `/images/jobs/${encodeURIComponent(job.jobId)}`, { ...job.memo, model: target.model }),
  readPolled: (job, answer) => readJob(answer, job.memo),
  find: (mark, target) => ({
    method: "GET",
    url: `${target.baseUrl}/images/jobs?mark=${encodeURIComponent(mark)}`,
    headers: headersOf(target),
  }),
  readFound(_mark, answer) {
    const body = jsonOf(answer);
    if (body?.found === false) return { kind: "unknown" };
    const id = textOf(body?.id);
    if (id === undefined) return refusedJob(answer, classify);
    return { kind: "running", job: { jobId: id }, askAgainMs: 0 };
  },
  cancel: (job, target) => post(target, `/images/jobs/${encodeURIComponent(job.jobId)}/cancel`, {}),
});

const headersOf = ({ secret }: Target): Record<string, string> => ({
  "content-type": "application/json",
  ...(secret === "" ? {} : { authorization: `Bearer ${secret}` }),
});

const post = (target: Target, path: string, body: JsonObject): MediaCall => ({
  method: "POST",
  url: target.baseUrl + path,
  headers: headersOf(target),
  body: JSON.stringify(body),
});

const askedFor = (request: MediaRequest, target: Target): JsonObject => ({
  ...memoOf(request),
  model: target.model,
});

/** What the pictures depend on; said again with each question about a job. Pictures to work from go as their hash. */
const memoOf = (request: MediaRequest): JsonObject => ({
  prompt: request.prompt ?? "",
  n: request.count,
  ...(request.size === undefined ? {} : { size: [request.size.width, request.size.height] }),
  ...(request.format === undefined ? {} : { output_format: request.format }),
  ...(request.background === undefined ? {} : { background: request.background }),
  ...(request.seed === undefined ? {} : { seed: request.seed }),
  ...(request.inputs.length === 0 ? {} : { inputs: request.inputs.map(fingerprintOf).join(" ") }),
  ...(isObject(request.options.sandbox) ? { sandbox: request.options.sandbox } : {}),
});

const fingerprintOf = (input: MediaInput): string =>
  new Bun.CryptoHasher("sha256").update(input.kind === "bytes" ? input.bytes : input.url).digest("hex");

const jsonOf = ({ body }: MediaAnswer): JsonObject | undefined =>
  objectOf(parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8")));

function readJob(answer: MediaAnswer, memo: JsonObject | undefined): JobState {
  if (answer.status < 200 || answer.status > 299) return refusedJob(answer, classify);
  const body = jsonOf(answer);
  if (body === undefined) return unreadableJob("not_json", "The vendor's answer is not JSON.");
  const id = textOf(body.id);
  const job: RunningJob | undefined = id === undefined ? undefined : { jobId: id, ...(memo && { memo }) };
  switch (body.status) {
    case "running": {
      if (job === undefined) return unreadableJob("no_job", "The vendor's answer names no job.");
      const progress = numberOf(body.progress);
      return {
        kind: "running",
        job,
        askAgainMs: numberOf(body.ask_again_ms) ?? USUAL_ASK_MS,
        ...(progress === undefined ? {} : { progress }),
      };
    }
    case "failed": {
      const error = objectOf(body.error);
      const code = textOf(error?.code);
      const report = {
        status: 200,
        message: textOf(error?.message) ?? "The job failed.",
        ...(code === undefined ? {} : { code }),
      };
      return { kind: "failed", failure: judgedFailure(report, answer, classify) };
    }
    case "cancelled":
      return { kind: "cancelled" };
    default:
      return done(body, answer, job);
  }
}

function done(body: JsonObject, answer: MediaAnswer, job: RunningJob | undefined): JobState {
  const pictures = listOf(body.data).flatMap((item): MadePicture[] => {
    const base64 = isObject(item) ? textOf(item.b64_json) : undefined;
    const url = isObject(item) ? textOf(item.url) : undefined;
    const picture = base64 !== undefined ? pictureIn(base64) : url !== undefined ? pictureAt(url) : undefined;
    if (picture !== undefined) return [picture];
    const error = isObject(item) ? objectOf(item.error) : undefined;
    if (error === undefined) return [];
    const { code, message } = judgedFailure(
      { status: 400, message: textOf(error.message) ?? "refused", code: textOf(error.code) ?? "refused" },
      answer,
      classify,
    );
    return [{ kind: "refused", code, message }];
  });
  if (pictures.length === 0) return unreadableJob("no_pictures", "The vendor's answer holds no picture.");
  const images = numberOf(objectOf(body.usage)?.images);
  const usage = images === undefined ? undefined : { ...NO_USAGE, images };
  return { kind: "done", result: { pictures, usage }, ...(job && { job }) };
}
