import type { JsonObject } from "../../core/generation.ts";
import type { MediaRequest } from "../../core/media.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { refusedJob, unreadableJob } from "../failure/job-failure.ts";
import { numberOf, objectOf, textOf } from "../json.ts";
import type { JobState, MediaAnswer, RunningJob } from "../media-adapter.ts";
import { classify, codeFailure, MJ_CODES } from "./errors.ts";
import { jsonIn } from "./json-in.ts";
import { type MjMemo, running, taskState, waiting } from "./task.ts";
import { speedOf, wishOf } from "./wish.ts";

const NEEDS_CONFIRMING = /window confirm|窗口等待|弹窗|modal/i;

/** Reads a SubmitResult: its code says what happened, whatever the status is. */
export function readSubmitted(request: MediaRequest, answer: MediaAnswer): JobState {
  const body = objectOf(jsonIn(answer));
  const code = numberOf(body?.code);
  const isError = answer.status < 200 || answer.status > 299;
  if (body === undefined || code === undefined) {
    if (!isError) return unreadableJob("no_code", "The vendor's answer says no code.");
    const refused = refusedJob(answer, classify);
    // A proxy that broke while it answered may have submitted the job.
    return answer.status >= 500 ? { ...refused, mayHaveRun: true } : refused;
  }
  const description = textOf(body.description) ?? `The vendor answered with code ${code}.`;
  const isTaken = code === MJ_CODES.submitted || code === MJ_CODES.exists || code === MJ_CODES.queued;
  if (!isTaken || isError) {
    const { failure, mayHaveRun } = codeFailure(code, description, request.parent !== undefined, answer);
    return { kind: "failed", failure, ...(mayHaveRun ? { mayHaveRun } : {}) };
  }
  return taken(body, code, description, request, answer);
}

function taken(
  body: JsonObject,
  code: number,
  description: string,
  request: MediaRequest,
  answer: MediaAnswer,
): JobState {
  const wish = wishOf(request);
  const result = textOf(body.result) ?? (typeof body.result === "number" ? String(body.result) : undefined);
  if (wish.action === "IMAGE_SEED") return seedState(result);
  const jobId = result ?? (wish.action === "MODAL" ? request.parent?.jobId : undefined);
  if (jobId === undefined) return unreadableJob("no_job", "The vendor's answer names no job.");
  const job: RunningJob = { jobId, memo: { ...memoFor(request) } };
  if (code !== MJ_CODES.exists) return running(job);
  const properties = objectOf(body.properties) ?? {};
  if (properties.status === "SUCCESS") return taskState({ ...properties, properties }, job, answer);
  if (NEEDS_CONFIRMING.test(description)) return { kind: "done", job, result: waiting({ properties }, job) };
  return running(job);
}

/** What the job of a request is priced as: its action, behind its speed if one was chosen. */
export function memoFor(
  request: Pick<MediaRequest, "count" | "options" | "prompt" | "negativePrompt">,
): MjMemo {
  const wish = wishOf(request);
  const speed = speedOf(wish, request);
  const name = wish.action === "ACTION" ? buttonVariant(wish.customId ?? "") : wish.action.toLowerCase();
  const variant = speed === undefined ? name : `${speed}/${name}`;
  return { action: wish.action, variant, count: request.count };
}

/** Of the kinds of button that Midjourney has. */
const BUTTONS: readonly (readonly [RegExp, string])[] = [
  [/upsample|upscale/i, "upscale"],
  [/variation/i, "variation"],
  [/reroll/i, "reroll"],
  [/inpaint/i, "inpaint"],
  [/pan_/i, "pan"],
  [/outpaint|zoom/i, "zoom"],
];
const buttonVariant = (customId: string): string =>
  BUTTONS.find(([pattern]) => pattern.test(customId))?.[1] ?? "action";

function seedState(seed: string | undefined): JobState {
  if (seed === undefined) return unreadableJob("no_seed", "The vendor's answer holds no seed.");
  const extra = { midjourney: { seed } };
  return { kind: "done", result: { pictures: [], isWithoutPictures: true, usage: NO_USAGE, extra } };
}
