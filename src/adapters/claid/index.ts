import type { JobState, MediaAdapter, MediaAnswer } from "../media-adapter.ts";
import { refusedBy } from "./errors.ts";
import { readHook } from "./hook.ts";
import { jobCall, readJob } from "./jobs.ts";
import { callFor, takes } from "./request.ts";

/**
 * Claid. Some of its calls answer with pictures, some with a job to be asked about; which, its answer shows. It knows no
 * idempotency: what was posted once is never posted again. Its pictures are kept for a day.
 */
export const claid: MediaAdapter = {
  name: "claid",
  defaultBaseUrl: "https://api.claid.ai/v1",
  operations: new Set(["image", "image_edit"]),
  takes,
  resubmission: "never",
  submit: (request, target) => callFor(request, target),
  readSubmitted: (request, answer) => read(answer, request.prompt === undefined ? "edit-async" : "ai-edit"),
  poll: jobCall,
  readPolled: (_job, answer) => read(answer, undefined),
  hook: { read: readHook },
};

const read = (answer: MediaAnswer, kind: "edit-async" | "ai-edit" | undefined): JobState =>
  answer.status >= 200 && answer.status <= 299 ? readJob(answer, kind) : refusedBy(answer);
