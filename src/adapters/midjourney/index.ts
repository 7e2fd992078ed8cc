import { refusedJob, unreadableJob } from "../failure/job-failure.ts";
import { isObject, numberOf, objectOf, textOf } from "../json.ts";
import type {
  HookMessage,
  HookNews,
  JobState,
  MediaAdapter,
  MediaAnswer,
  RunningJob,
} from "../media-adapter.ts";
import { classify, MJ_CODES } from "./errors.ts";
import { jsonIn } from "./json-in.ts";
import { headersFor, rootOf, submitCall, takes } from "./submit.ts";
import { memoFor, readSubmitted } from "./submitted.ts";
import { taskState } from "./task.ts";

type Unknown = { readonly kind: "unknown" };

/**
 * Midjourney behind the midjourney-proxy protocol, which proxies and resellers share; where it is, only the operator
 * knows. `options.midjourney` holds what other vendors have no words for. Our mark travels as `state`: a job whose answer
 * was lost is looked for in the proxy's list, and submitted again only if that list is seen to tell marks. Messages of the
 * proxy are unsigned, come in any order, and make the job be asked about, no more.
 */
export const midjourney: MediaAdapter = {
  name: "midjourney",
  operations: new Set(["image", "image_edit"]),
  takes,
  resubmission: "never",
  submit: submitCall,
  readSubmitted,
  poll: (job, target) => ({
    method: "GET",
    url: `${rootOf(target)}/mj/task/${encodeURIComponent(job.jobId)}/fetch`,
    headers: headersFor(target),
  }),
  readPolled,
  find: (_mark, target) => ({
    method: "GET",
    url: `${rootOf(target)}/mj/task/list`,
    headers: headersFor(target),
  }),
  readFound,
  cancel: (job, target) => ({
    method: "POST",
    url: `${rootOf(target)}/mj/task/${encodeURIComponent(job.jobId)}/cancel`,
    headers: headersFor(target),
    body: "{}",
  }),
  // Many proxies do not know the call, and some answer unknown calls with a page.
  readCancelled: (answer) => numberOf(objectOf(jsonIn(answer))?.code) === MJ_CODES.submitted,
  hook: { inPath: true, read: readHook },
};

/** Nothing, or `null`, is the answer about a job that is not known. */
function readPolled(job: RunningJob, answer: MediaAnswer): JobState | Unknown {
  const { status, body } = answer;
  if (status < 200 || status > 299) return refusedJob(answer, classify);
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, 16))
    .toString("utf8")
    .trim();
  if (text === "" || text === "null") return { kind: "unknown" };
  const task = jsonIn(answer);
  if (!isObject(task) || textOf(task.id) === undefined) {
    return unreadableJob("no_task", "The vendor's answer is no task.");
  }
  return taskState(task, job, answer);
}

type FoundRequest = Parameters<typeof memoFor>[0];

/** Marks are ids of ours: a list in which some stand is one that tells them. */
const MARK = /^task_[a-z0-9]+$/;

function readFound(mark: string, answer: MediaAnswer, request: FoundRequest): JobState | Unknown {
  const { status } = answer;
  if (status < 200 || status > 299) return refusedJob(answer, classify);
  const tasks = jsonIn(answer);
  if (!Array.isArray(tasks)) return unreadableJob("no_list", "The vendor's answer is no list of tasks.");
  let tellsMarks = false;
  for (const task of tasks as readonly unknown[]) {
    const state = isObject(task) ? textOf(task.state) : undefined;
    const jobId = isObject(task) ? textOf(task.id) : undefined;
    if (state === mark && jobId !== undefined) {
      return { kind: "running", job: { jobId, memo: { ...memoFor(request) } }, askAgainMs: 0 };
    }
    tellsMarks ||= state !== undefined && MARK.test(state);
  }
  if (tellsMarks) return { kind: "unknown" };
  return unreadableJob("no_marks", "The vendor's list of tasks does not tell whose they are.");
}

function readHook(message: HookMessage): HookNews | undefined {
  const jobId = textOf(objectOf(jsonIn(message))?.id);
  return jobId === undefined ? undefined : { jobId };
}
