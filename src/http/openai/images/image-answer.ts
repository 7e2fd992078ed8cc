import { SluiceError } from "../../../core/errors.ts";
import type { JsonObject } from "../../../core/generation.ts";
import type { MediaRequest } from "../../../core/media.ts";
import type { Task } from "../../../core/task.ts";
import type { MediaStore, StoredMedia } from "../../../media/media.ts";
import { usageObject } from "../../tasks/task-object.ts";

/** How pictures are given: themselves, or where they can be fetched. */
export type ImageForm = "b64_json" | "url";

export interface ShownImages {
  readonly store: MediaStore;
  readonly base: string;
  readonly form: ImageForm;
}

/** OpenAI's answer to a call for pictures. Those that the vendor refused are left out; the task has them. */
export async function imageAnswer(
  shown: ShownImages,
  task: Task,
  request: MediaRequest,
): Promise<JsonObject> {
  const data: JsonObject[] = [];
  for (const image of await keptImages(shown, task)) data.push(await imageObject(shown, image, task));
  return { created: createdAt(task), ...lookOf(request, task), data, usage: usageOf(task) };
}

/** The last event of each picture of a streamed call. */
export async function imageEvents(
  shown: ShownImages,
  task: Task,
  request: MediaRequest,
): Promise<readonly JsonObject[]> {
  const type = `${request.operation === "image" ? "image_generation" : "image_edit"}.completed`;
  const events: JsonObject[] = [];
  for (const image of await keptImages(shown, task)) {
    const picture = await imageObject(shown, image, task);
    events.push({
      type,
      created_at: createdAt(task),
      ...lookOf(request, task),
      ...picture,
      usage: usageOf(task),
    });
  }
  return events;
}

const createdAt = (task: Task): number => Math.floor((task.endedAt ?? task.createdAt) / 1_000);

async function keptImages({ store }: ShownImages, task: Task): Promise<readonly StoredMedia[]> {
  const images: StoredMedia[] = [];
  for (const picture of task.result?.pictures ?? []) {
    if (picture.kind !== "kept") continue;
    const stored = await store.find(task.tenant, picture.media);
    if (stored === undefined) throw new SluiceError("not_found", "A picture is not kept any more.");
    images.push(stored);
  }
  return images;
}

async function imageObject(
  { store, base, form }: ShownImages,
  image: StoredMedia,
  task: Task,
): Promise<JsonObject> {
  const revised = task.result?.extra?.revised_prompt;
  const words = typeof revised === "string" ? { revised_prompt: revised } : {};
  if (form === "url") return { url: store.link(image, base), ...words };
  const bytes = await store.bytes(image);
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  return { b64_json: base64, ...words };
}

function lookOf(request: MediaRequest, task: Task): JsonObject {
  const first = task.result?.pictures.find(({ kind }) => kind === "kept");
  const made = first?.kind === "kept" ? first : undefined;
  const size = made?.width && made.height ? `${made.width}x${made.height}` : undefined;
  return {
    ...(request.background === undefined ? {} : { background: request.background }),
    ...(made === undefined ? {} : { output_format: made.contentType.replace("image/", "") }),
    ...(request.quality === undefined ? {} : { quality: request.quality }),
    ...(size === undefined ? {} : { size }),
  };
}

function usageOf({ usage }: Task): JsonObject | null {
  if (usage === undefined) return null;
  const { imageInput = 0, imageOutput = 0 } = usage;
  const { input_tokens, output_tokens } = usageObject(usage) as {
    input_tokens: number;
    output_tokens: number;
  };
  return {
    ...usageObject(usage),
    input_tokens_details: { text_tokens: input_tokens - imageInput, image_tokens: imageInput },
    output_tokens_details: { text_tokens: output_tokens - imageOutput, image_tokens: imageOutput },
  };
}
