import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { RequestId, TaskId, TenantId } from "../../core/ids.ts";
import type { Task } from "../../core/task.ts";
import type { Caller, Gateway } from "../../gateway/gateway.ts";
import { asBody } from "../../gateway/requests/fields.ts";
import type { TaskWish } from "../../gateway/tasks/order.ts";
import type { TaskRunner } from "../../gateway/tasks/runner.ts";
import { sameTaskId } from "../../gateway/tasks/same-task.ts";
import type { MediaStore } from "../../media/media.ts";
import type { Webhooks } from "../../webhooks/webhooks.ts";
import type { AnswerPorts } from "../answer.ts";
import { parseJson, readBody } from "../body.ts";
import { rateLimitHeaders } from "../errors.ts";
import type { Idempotency } from "../idempotent.ts";
import { runOnce } from "../run-once.ts";
import type { Mode } from "./is-midjourney.ts";
import { modelFor } from "./model.ts";
import { readSubmission, type SubmissionName, type SWAP } from "./submission.ts";
import { decided, submitResult, type WaitPorts } from "./submit-result.ts";
import { lookOf } from "./task-object.ts";

export interface MidjourneyPorts extends AnswerPorts, WaitPorts {
  readonly gateway: Pick<Gateway, "authenticate" | "models">;
  readonly tasks: TaskRunner;
  readonly store: MediaStore;
  readonly webhooks: Pick<Webhooks, "checkUrl">;
  readonly idempotency: Idempotency;
  readonly bodyLimitBytes: number;
}

/** Takes a submission as a task, and answers once its vendor has said what it makes of it. */
export async function submit(
  ports: MidjourneyPorts,
  name: SubmissionName | typeof SWAP,
  mode: Mode | undefined,
  request: Request,
  caller: Caller,
  id: RequestId,
): Promise<Response> {
  const bytes = await readBody(request, ports.bodyLimitBytes);
  const { origin } = new URL(request.url);
  const run = async (same: { readonly id?: TaskId }): Promise<Response> => {
    const wish = await wishFor(ports, asBody(parseJson(bytes)), name, mode, caller);
    const accepted = await ports.tasks.accept(
      caller,
      { ...wish, ...same, path: `/mj/${pathOf(name)}`, base: origin },
      id,
    );
    const task = await decided(ports, accepted.task);
    const headers: Record<string, string> = { "x-request-id": id, "x-sluice-task": task.id };
    for (const state of [accepted.limit, accepted.tokenLimit]) {
      if (state !== undefined) Object.assign(headers, rateLimitHeaders(state));
    }
    return Response.json(submitResult(task), { headers });
  };
  const { tenant } = caller;
  return runOnce(ports.idempotency, request, { tenant, id, print: bytes }, (named) =>
    run(named === undefined ? {} : { id: sameTaskId(tenant, named.key, named.fingerprint) }),
  );
}

const pathOf = (name: SubmissionName | typeof SWAP): string => (name.includes("/") ? name : `submit/${name}`);

/** @throws SluiceError what the submission is refused with before anything is held */
async function wishFor(
  { gateway, tasks, webhooks }: MidjourneyPorts,
  body: JsonObject,
  name: SubmissionName | typeof SWAP,
  mode: Mode | undefined,
  caller: Caller,
): Promise<Omit<TaskWish, "path" | "base">> {
  const { request, parentTask, about, notifyHook } = readSubmission(name, body, mode);
  if (notifyHook !== undefined) webhooks.checkUrl(notifyHook, "notifyHook");
  const parent = parentTask === undefined ? undefined : await parentOf(tasks, caller.tenant, parentTask);
  const model = parent?.model ?? modelFor(body, request.operation, gateway.models(caller));
  return {
    request: { ...request, model },
    dialect: "midjourney",
    about: { ...parentPrompt(parent), ...about },
    isAwaited: false,
    ...(parentTask === undefined ? {} : { parentTask }),
    ...(notifyHook === undefined ? {} : { webhook: { url: notifyHook } }),
  };
}

/** A task that another can go on from: only Midjourney's own jobs can be. @throws SluiceError */
export async function parentOf(tasks: Pick<TaskRunner, "find">, tenant: TenantId, id: TaskId): Promise<Task> {
  const task = await tasks.find(tenant, id);
  if (task === undefined) throw new SluiceError("not_found", "There is no such task.", { param: "taskId" });
  if (task.state !== "succeeded") {
    throw new SluiceError("invalid_request", "The task has not succeeded.", { param: "taskId" });
  }
  if (Object.keys(lookOf(task)).length === 0) {
    const message = "The task's vendor cannot go on from what it has made: Midjourney can.";
    throw new SluiceError("unsupported_parameter", message, { param: "taskId" });
  }
  return task;
}

/** What is changed shows the words that it came from. */
function parentPrompt(parent: Task | undefined): JsonObject {
  const { prompt, botType } = parent?.about ?? {};
  return { ...(prompt === undefined ? {} : { prompt }), ...(botType === undefined ? {} : { botType }) };
}
