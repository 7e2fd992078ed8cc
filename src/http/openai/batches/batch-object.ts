import type { JsonObject } from "../../../core/generation.ts";
import { type TaskId, taskId } from "../../../core/ids.ts";
import { hasEnded, type Task } from "../../../core/task.ts";
import { completionTokens, promptTokens, type Usage } from "../../../core/usage.ts";
import type { LineCounts } from "../../../ledger/batches.ts";

/** The files that a batch which has ended is read by: there are none, they are its lines. */
export type OutputKind = "output" | "errors";

export const outputFileId = (task: TaskId, kind: OutputKind): string => `${task}-${kind}`;

/** Undefined: this is no such file's id. */
export function outputOfFileId(id: string): { readonly task: TaskId; readonly kind: OutputKind } | undefined {
  const [, task, kind] = /^(task_\w+)-(output|errors)$/.exec(id) ?? [];
  if (task === undefined) return undefined;
  return { task: taskId(task), kind: kind === "errors" ? "errors" : "output" };
}

/**
 * A task that is a batch as OpenAI shows one; times are seconds since the epoch. It never expires before it has ended, so
 * that `expires_at` tells until when what came of it is kept.
 * @param counts of its lines so far
 */
export function batchObject(task: Task, counts: LineCounts): JsonObject {
  const { id, about, error, usage } = task;
  const status = statusOf(task);
  const isOver = hasEnded(task.state);
  const endedAt = (end: string) => (status === end ? seconds(task.endedAt) : null);
  return {
    id,
    object: "batch",
    endpoint: about?.endpoint ?? null,
    errors:
      error === undefined || status !== "failed"
        ? null
        : {
            object: "list",
            data: [{ code: error.code, message: error.message, param: error.param ?? null, line: null }],
          },
    input_file_id: about?.input_file_id ?? null,
    completion_window: about?.completion_window ?? null,
    status,
    output_file_id: isOver && counts.completed > 0 ? outputFileId(id, "output") : null,
    error_file_id: isOver && counts.failed > 0 ? outputFileId(id, "errors") : null,
    created_at: seconds(task.createdAt),
    in_progress_at: seconds(task.startedAt),
    expires_at: seconds(task.expiresAt),
    finalizing_at: endedAt("completed"),
    completed_at: endedAt("completed"),
    failed_at: endedAt("failed"),
    expired_at: null,
    cancelling_at: null,
    cancelled_at: endedAt("cancelled"),
    request_counts: { total: counts.total, completed: counts.completed, failed: counts.failed },
    ...(usage === undefined ? {} : { usage: usageObject(usage) }),
    metadata: task.metadata ?? null,
  };
}

function statusOf({ state, isCancelWanted }: Task): string {
  switch (state) {
    case "succeeded":
      return "completed";
    case "failed":
    case "cancelled":
      return state;
    case "queued":
    case "submitting":
    case "running":
    case "storing":
      return isCancelWanted ? "cancelling" : "in_progress";
  }
}

const usageObject = (usage: Usage): JsonObject => ({
  input_tokens: promptTokens(usage),
  input_tokens_details: { cached_tokens: usage.cachedInput },
  output_tokens: completionTokens(usage),
  output_tokens_details: { reasoning_tokens: usage.reasoning },
  total_tokens: promptTokens(usage) + completionTokens(usage),
});

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1_000));
