import { shardOf } from "../../actors/shard.ts";
import { SluiceError } from "../../core/errors.ts";
import type { RequestId, TaskId, TenantId } from "../../core/ids.ts";
import type { Task, TaskKind } from "../../core/task.ts";
import type { NewLine } from "../../ledger/batches.ts";
import type { NewTask, TaskLedger } from "../../ledger/tasks.ts";
import type { Caller } from "../gateway.ts";
import { packOrder } from "./kept-order.ts";
import { TASKS_PER_TENANT } from "./limits.ts";
import type { BatchOrder, BatchWish, KeptRequest, PictureOrder, TaskWish } from "./order.ts";
import { BLANK } from "./task-ports.ts";

/** What a task is, whatever it is about. */
export interface TaskHead extends Pick<TaskWish, "metadata" | "about" | "webhook"> {
  readonly id: TaskId;
  readonly operation: TaskKind;
  readonly model: string;
  readonly charge: RequestId;
  readonly createdAt: number;
}

/** A task as it is written down, and as it is shown from then on. */
export function newTask(
  { id, operation, model, charge, createdAt, metadata, about, webhook }: TaskHead,
  order: PictureOrder | BatchOrder,
): { readonly row: NewTask; readonly task: Task } {
  const { tenant, key } = order.caller;
  const common = { id, tenant, key, operation, model, charge };
  return {
    row: {
      ...common,
      shard: shardOf("task", id),
      request: packOrder(order),
      ...(metadata === undefined ? {} : { metadata }),
      ...(about === undefined ? {} : { about }),
      ...(webhook === undefined ? {} : { webhook: webhook.url }),
    },
    task: { ...BLANK, ...common, metadata, about, webhook: webhook?.url, createdAt },
  };
}

/** What is kept of a wish for pictures that are put away. */
export function pictureOrder(
  caller: Caller,
  { path, base, webhook, dialect, isBatch }: TaskWish,
  request: KeptRequest,
): PictureOrder {
  return {
    caller,
    request,
    path,
    base,
    ...(webhook?.secret === undefined ? {} : { webhookSecret: webhook.secret }),
    ...(dialect === undefined ? {} : { dialect }),
    ...(isBatch === undefined ? {} : { isBatch }),
  };
}

/** A batch's lines as they are written down. */
export async function* newLines(lines: BatchWish["lines"]): AsyncGenerator<NewLine> {
  for await (const { customId, url, body } of lines) yield { customId, request: { url, body } };
}

/** The job that a task goes on from. @throws SluiceError `not_found` */
export async function parentJob(
  ledger: Pick<TaskLedger, "find">,
  tenant: TenantId,
  id: TaskId,
): Promise<{ readonly vendor: string; readonly jobId: string }> {
  const parent = await ledger.find(tenant, id);
  const jobId = parent?.result?.jobId;
  if (parent?.vendor !== undefined && jobId !== undefined) return { vendor: parent.vendor, jobId };
  const message = "There is no such task to go on from, or its vendor keeps no jobs.";
  throw new SluiceError("not_found", message, { param: "parent" });
}

export const tooMany = (): SluiceError =>
  new SluiceError(
    "rate_limit_exceeded",
    `${TASKS_PER_TENANT} of your tasks have not ended yet. Try again when one has.`,
    { retryAfterMs: 5_000 },
  );
