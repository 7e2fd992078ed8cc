import type { MediaAdapter } from "../../media-adapter.ts";
import { jobCall, readPolled, readSubmitted } from "./jobs.ts";
import { traitsOf } from "./models.ts";
import { callFor } from "./request.ts";

/**
 * Wan and Qwen-Image by DashScope's own protocol: jobs that are asked about, or for some models an answer at once. A job
 * can be taken back before it has begun. Jobs and what they made are kept for a day.
 */
export const qwenImages: MediaAdapter = {
  name: "qwen",
  defaultBaseUrl: "https://dashscope.aliyuncs.com/api/v1",
  operations: new Set(["image", "image_edit"]),
  resubmission: "never",
  picturesACall: (_request, { model }) => (traitsOf(model).protocol === "chat" ? 1 : undefined),
  submit: (request, target) => callFor(request, target),
  readSubmitted: (_request, answer) => readSubmitted(answer),
  poll: (job, target) => jobCall(job, target),
  readPolled: (_job, answer) => readPolled(answer),
  cancel: (job, target) => jobCall(job, target, "/cancel"),
};
