import type { Clock } from "../../core/clock.ts";
import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import type { Task } from "../../core/task.ts";
import type { TaskRunner } from "../../gateway/tasks/runner.ts";
import { CODES } from "./errors.ts";
import { lookOf, midjourneyStatus } from "./task-object.ts";

export interface WaitPorts {
  readonly tasks: Pick<TaskRunner, "find" | "feed">;
  readonly clock: Clock;
}

/**
 * How long a submission waits to be told what the vendor makes of it: proxies say within a second what is banned, full or
 * wants to be confirmed. A slower one is told of in the task.
 */
const WAIT_MS = 8_000;

/** The task once its vendor has taken or refused it, or as it is when that takes too long. */
export async function decided({ tasks, clock }: WaitPorts, task: Task): Promise<Task> {
  const now = async (): Promise<Task> => (await tasks.find(task.tenant, task.id)) ?? task;
  let reader: ReturnType<typeof tasks.feed.read>;
  try {
    reader = tasks.feed.read(task.id, 0);
  } catch {
    return now(); // as many readers as there may be: nobody waits then
  }
  const stop = clock.after(WAIT_MS, () => reader.close());
  try {
    for (;;) {
      const events = await reader.next();
      if (events.length === 0) return await now();
      if (events.some(({ data }) => DECIDED.has(data.state))) return await now();
    }
  } catch {
    return await now(); // the feed is closed: the node stops
  } finally {
    stop();
    reader.close();
  }
}

const DECIDED: ReadonlySet<unknown> = new Set(["running", "succeeded", "failed", "cancelled"]);

/**
 * The answer to a submission.
 * @throws SluiceError what the vendor refused it for
 */
export function submitResult(task: Task): JsonObject {
  const { state, error, id } = task;
  if (state === "failed") {
    const { code = "internal_error", message = "The task failed.", param } = error ?? {};
    throw new SluiceError(code, message, param === undefined ? {} : { param });
  }
  if (midjourneyStatus(task) === "MODAL") {
    const { finalPrompt } = lookOf(task);
    const properties = finalPrompt === undefined ? { remix: true } : { finalPrompt, remix: true };
    return { code: CODES.exists, description: "Waiting for window confirm", result: id, properties };
  }
  const isQueued = state === "queued";
  return isQueued
    ? { code: CODES.queued, description: "In the queue", result: id, properties: {} }
    : { code: CODES.submitted, description: "Submit success", result: id, properties: {} };
}
