import type { JsonObject } from "../../core/generation.ts";
import type { TenantId } from "../../core/ids.ts";
import { formatPoints } from "../../core/points.ts";
import type { Task, TaskPicture } from "../../core/task.ts";
import { completionTokens, promptTokens, type Usage } from "../../core/usage.ts";
import type { MediaStore } from "../../media/media.ts";

/**
 * A task as its tenant sees it. Times are seconds since the epoch, as OpenAI has them; `output` holds signed URLs, which
 * expire; one whose picture is not kept any more is null.
 * @param base where clients reach the gateway
 */
export async function taskObject(
  store: Pick<MediaStore, "find" | "link">,
  task: Task,
  base: string,
): Promise<JsonObject> {
  const { result, usage, cost, error } = task;
  return {
    id: task.id,
    object: "task",
    type: task.operation,
    model: task.model,
    status: task.state,
    progress: task.progress ?? (task.state === "succeeded" ? 1 : 0),
    created_at: seconds(task.createdAt),
    started_at: seconds(task.startedAt),
    completed_at: seconds(task.endedAt),
    expires_at: seconds(task.expiresAt),
    cancel_requested: task.isCancelWanted,
    output:
      task.operation === "batch"
        ? [{ url: `${base}/v1/tasks/${task.id}/output`, content_type: "application/jsonl" }]
        : await outputOf(store, task.tenant, result?.pictures ?? [], base),
    ...(task.operation === "batch" && task.about?.input_file_id !== undefined
      ? { input_file: task.about.input_file_id }
      : {}),
    ...(result?.lines === undefined ? {} : { request_counts: result.lines }),
    ...(result?.extra === undefined ? {} : { extra: result.extra }),
    ...(result?.dropped === undefined ? {} : { dropped: result.dropped }),
    usage: usage === undefined ? null : usageObject(usage),
    cost: cost === undefined ? null : formatPoints(cost),
    vendor: task.vendor ?? null,
    vendor_model: task.vendorModel ?? null,
    receipt: task.charge,
    error: error === undefined ? null : errorObject(error),
    metadata: task.metadata ?? {},
    webhook: task.webhook === undefined ? null : { url: task.webhook },
  };
}

export const usageObject = (usage: Usage): JsonObject => ({
  images: usage.images,
  input_tokens: promptTokens(usage),
  output_tokens: completionTokens(usage),
  total_tokens: promptTokens(usage) + completionTokens(usage),
});

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.floor(ms / 1_000));

const errorObject = ({ code, message, param, mayHaveRun }: NonNullable<Task["error"]>): JsonObject => ({
  code,
  message,
  param: param ?? null,
  ...(mayHaveRun === true ? { may_have_run: true } : {}),
});

function outputOf(
  store: Pick<MediaStore, "find" | "link">,
  tenant: TenantId,
  pictures: readonly TaskPicture[],
  base: string,
): Promise<readonly JsonObject[]> {
  return Promise.all(
    pictures.map(async (picture) => {
      if (picture.kind === "refused") return { error: { code: picture.code, message: picture.message } };
      const { media, contentType, width, height } = picture;
      const stored = await store.find(tenant, media);
      return {
        url: stored === undefined ? null : store.link(stored, base),
        content_type: contentType,
        width,
        height,
        media_id: media,
      };
    }),
  );
}
