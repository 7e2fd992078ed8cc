import type { JsonObject } from "../../core/generation.ts";
import type { MadePicture, MediaResult } from "../../core/media.ts";
import { NO_USAGE } from "../../core/usage.ts";
import { unreadableJob } from "../failure/job-failure.ts";
import { isObject, listOf, numberOf, objectOf, textOf } from "../json.ts";
import type { JobState, MediaAnswer, RunningJob } from "../media-adapter.ts";
import { failReasonFailure } from "./errors.ts";
import { GRID } from "./submit.ts";
import type { MjAction } from "./wish.ts";

/** Half a minute to two minutes is what a job takes. */
const QUEUED_ASK_MS = 5_000;
const RUNNING_ASK_MS = 3_000;
/** Of a text or a list inside a task: more is not shown. */
const MOST_CHARS = 8_000;
const MOST_BUTTONS = 64;

/** Actions whose answer is words. */
const WORDS: ReadonlySet<string> = new Set<MjAction>(["DESCRIBE", "SHORTEN"]);

/** What is kept with a job: what its end means and costs depends on what was asked for. */
export interface MjMemo {
  readonly action: string;
  /** How its price calls it: `imagine`, `turbo/upscale`. */
  readonly variant: string;
  readonly count: number;
}

const memoIn = ({ memo }: RunningJob): MjMemo => ({
  action: textOf(memo?.action) ?? "IMAGINE",
  variant: textOf(memo?.variant) ?? "imagine",
  count: numberOf(memo?.count) ?? 1,
});

export const running = (job: RunningJob): JobState => ({ kind: "running", job, askAgainMs: QUEUED_ASK_MS });

/**
 * A task of the proxy. A grid is one picture (`imageUrl`) when one was asked for, else the single ones (`imageUrls`), where
 * the proxy cuts them; one that does not gives the grid. A job is charged as one image of its variant, whatever came of it.
 */
export function taskState(task: JsonObject, job: RunningJob, answer: MediaAnswer): JobState {
  const status = task.status === null ? "" : task.status;
  switch (status) {
    case "":
    case "NOT_START":
    case "SUBMITTED":
      return running(job);
    case "IN_PROGRESS": {
      const progress = progressOf(task.progress);
      const state: JobState = { kind: "running", job, askAgainMs: RUNNING_ASK_MS };
      return progress === undefined ? state : { ...state, progress };
    }
    case "MODAL":
      return { kind: "done", job, result: waiting(task, job) };
    case "SUCCESS":
      return done(task, job);
    case "FAILURE":
      return { kind: "failed", failure: failReasonFailure(textOf(task.failReason) ?? "", answer) };
    case "CANCEL":
      return { kind: "cancelled" };
    default:
      return unreadableJob("unknown_state", "The vendor's answer says no known state.");
  }
}

/** `"35%"`; before the start, and after a failure, there is none. */
function progressOf(value: unknown): number | undefined {
  const percent = /^\s*(\d{1,3})(?:\.\d+)?\s*%\s*$/.exec(typeof value === "string" ? value : "")?.[1];
  return percent === undefined ? undefined : Math.min(1, Number(percent) / 100);
}

/** It wants an answer (`MODAL`) before it goes on: opening it costs nothing, what is answered does. */
export const waiting = (task: JsonObject, job: RunningJob): MediaResult => ({
  pictures: [],
  isWithoutPictures: true,
  usage: NO_USAGE,
  extra: { midjourney: { ...shown(task, job), status: "MODAL" } },
});

function done(task: JsonObject, job: RunningJob): JobState {
  const { action, variant, count } = memoIn(job);
  const single = listOf(task.imageUrls).flatMap((entry) => pictureAt(objectOf(entry)?.url ?? entry));
  const whole = pictureAt(task.imageUrl);
  const pictures = count > 1 && single.length > 0 ? single.slice(0, Math.min(count, GRID)) : whole;
  const isWords = WORDS.has(action);
  if (pictures.length === 0 && !isWords) {
    return unreadableJob("no_picture", "The vendor's answer holds no picture.");
  }
  const look = shown(task, job);
  const rewritten = isWords ? undefined : (look.finalPrompt ?? look.promptEn);
  const result: MediaResult = {
    pictures,
    ...(isWords ? { isWithoutPictures: true } : {}),
    usage: { ...NO_USAGE, images: 1, imageVariants: { [variant]: 1 } },
    extra: { midjourney: look, ...(typeof rewritten === "string" ? { revised_prompt: rewritten } : {}) },
  };
  return { kind: "done", job, result };
}

function pictureAt(url: unknown): readonly MadePicture[] {
  return typeof url === "string" && /^https?:\/\//i.test(url) && URL.canParse(url)
    ? [{ kind: "url", url }]
    : [];
}

const TEXTS = ["prompt", "promptEn", "description", "botType", "mode", "seed"] as const;
const PROPERTIES = ["finalPrompt", "finalZhPrompt", "bannedWord", "remix", "messageContent"] as const;

/** What clients of the protocol are shown of a task, bounded; addresses of pictures are the gateway's own. */
function shown(task: JsonObject, job: RunningJob): JsonObject {
  const properties = objectOf(task.properties) ?? {};
  const given: Record<string, unknown> = { action: textOf(task.action) ?? memoIn(job).action };
  for (const name of TEXTS) {
    const value = textOf(task[name]) ?? numberOf(task[name]);
    if (value !== undefined) given[name] = typeof value === "string" ? value.slice(0, MOST_CHARS) : value;
  }
  for (const name of PROPERTIES) {
    const value = textOf(properties[name]);
    if (value !== undefined) given[name] = value.slice(0, MOST_CHARS);
  }
  for (const name of ["imageWidth", "imageHeight"] as const) {
    const pixels = numberOf(task[name]);
    if (pixels !== undefined && pixels > 0) given[name] = pixels;
  }
  const buttons = listOf(task.buttons).slice(0, MOST_BUTTONS).flatMap(buttonOf);
  return buttons.length === 0 ? given : { ...given, buttons };
}

function buttonOf(button: unknown): readonly JsonObject[] {
  if (!isObject(button) || textOf(button.customId) === undefined) return [];
  const { customId, emoji, label, type, style } = button;
  const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, MOST_CHARS) : "");
  return [
    {
      customId: text(customId),
      emoji: text(emoji),
      label: text(label),
      type: numberOf(type) ?? 2,
      style: numberOf(style) ?? 2,
    },
  ];
}
