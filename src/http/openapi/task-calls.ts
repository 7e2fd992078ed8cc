import { type Description, json, ref } from "./description.ts";

/** Pictures, and work that outlives its request. */

const bytes = { type: "string", format: "binary" };
const REFUSALS = {
  402: "Too few points, or the key's budget is used up.",
  404: "There is no such model, or the key may not use it.",
  409: "The Idempotency-Key came with another request before, or its first request still runs.",
  429: "A limit of the tenant, the key, the model or this node is reached.",
  503: "The gateway is overloaded or stopping, or the model has no price.",
} as const;
const IDEMPOTENCY = {
  "Idempotency-Key":
    "The same key and body within 24 hours are one task and one charge, also after a lost connection.",
};
const NO_TASK = "There is no such task of the caller's.";

function pictures(path: string, summary: string, schema: string, hasForm: boolean): Description {
  return {
    method: "post",
    path,
    tag: "Generation",
    summary,
    description:
      "Runs as a task (`x-sluice-task`): it is not lost with the connection or a node. Who leaves before it is made cancels it where that costs nothing; otherwise it is made, charged, and found under its task.",
    access: "client",
    headers: IDEMPOTENCY,
    ...(hasForm
      ? {
          bodies: {
            "multipart/form-data": {
              type: "object",
              properties: {
                model: { type: "string" },
                prompt: { type: "string" },
                "image[]": bytes,
                mask: bytes,
              },
              required: ["model"],
            },
            "application/json": ref(schema),
          },
        }
      : { body: ref(schema) }),
    answers: {
      200: {
        text: "The pictures, or with `stream: true` an event for each: `image_generation.completed`, `image_edit.completed`.",
        types: { "application/json": ref("Images"), "text/event-stream": { type: "string" } },
      },
      ...REFUSALS,
      502: "No vendor could make them.",
      504: "The vendor did not answer in time.",
    },
  };
}

export const TASK_CALLS: readonly Description[] = [
  pictures("/v1/images/generations", "Pictures", "ImageRequest", false),
  pictures("/v1/images/edits", "Pictures out of pictures", "ImageRequest", true),
  pictures(
    "/api/v1/image",
    "Pictures, by the platform's own name; with a picture it edits",
    "ImageRequest",
    true,
  ),
  {
    method: "post",
    path: "/v1/tasks",
    tag: "Tasks",
    summary: "Have pictures made, or many requests done, and fetch what came of it later",
    description:
      "A `batch` runs its lines one by one at the price of the tier `batch`, while nobody who waits needs the node. Its lines are in `requests`, in a file that was uploaded (`input_file`), or are all of the body (`application/jsonl`). Once this has answered, the task comes to an end whatever becomes of the node that took it. A `webhook` is told of that end.",
    access: "client",
    body: ref("TaskRequest"),
    headers: IDEMPOTENCY,
    answers: { 201: json("The task is taken.", "Task"), ...REFUSALS },
  },
  {
    method: "get",
    path: "/v1/tasks",
    tag: "Tasks",
    summary: "The caller's tasks, the newest first",
    access: "client",
    parameters: {
      limit: "From 1 to 100; absent: 20.",
      after: "The last id of the page before.",
      state:
        "One of queued, submitting, running, storing, succeeded, failed, cancelled; `status` means the same.",
    },
    answers: { 200: json("The tasks.", "Tasks") },
  },
  {
    method: "get",
    path: "/v1/tasks/{id}",
    tag: "Tasks",
    summary: "One task: how far it is, what came of it, what it cost; kept for 30 days after its end",
    access: "client",
    answers: { 200: json("The task.", "Task"), 404: NO_TASK },
  },
  {
    method: "post",
    path: "/v1/tasks/{id}/cancel",
    tag: "Tasks",
    summary: "Cancel a task, at the vendor too",
    description:
      "Costs nothing where the vendor takes the job back. One that a vendor makes all the same ends as cancelled when it is made, and is charged. What has ended stays as it is.",
    access: "client",
    answers: { 200: json("The task.", "Task"), 404: NO_TASK },
  },
  {
    method: "get",
    path: "/v1/tasks/{id}/output",
    tag: "Tasks",
    summary: "What a batch's lines were answered with so far, as JSON lines",
    access: "client",
    answers: {
      200: {
        text: "A line for each request that is done.",
        types: { "application/jsonl": { type: "string" } },
      },
      404: NO_TASK,
    },
  },
  {
    method: "get",
    path: "/v1/tasks/{id}/events",
    tag: "Tasks",
    summary: "What happens to a task, on any node",
    description:
      "`task.queued`, `task.submitting`, `task.running`, `task.progress`, `task.storing`, then one of `task.succeeded`, `task.failed`, `task.cancelled` with the whole task. Numbered from 1.",
    access: "client",
    headers: { "Last-Event-ID": "The number of the last event that was read." },
    parameters: { after: "The same, where a header cannot be sent." },
    answers: {
      200: { text: "The events behind it.", types: { "text/event-stream": { type: "string" } } },
      404: NO_TASK,
    },
  },
  {
    method: "post",
    path: "/v1/hooks/{vendor}/{token}",
    tag: "Tasks",
    summary: "A vendor tells of one of its jobs",
    description:
      "For vendors. The token is theirs; what must be signed is checked by the vendor's `hookSecret`. A message that comes again changes nothing.",
    access: "public",
    body: { type: "object" },
    answers: {
      204: "It is heard.",
      401: "This is no address that a vendor was given.",
      403: "The message is not the vendor's.",
      413: "It is too long.",
      429: "Too many messages.",
    },
  },
];
