import type { JsonObject } from "../../core/generation.ts";
import type { Task, TaskError, TaskPicture } from "../../core/task.ts";
import type { MediaStore } from "../../media/media.ts";

type Links = Pick<MediaStore, "find" | "link">;

/** Of a picture in a list. */
const THUMBNAIL = "w=320&format=webp";

/**
 * A task as clients of midjourney-proxy know it. Times are epoch milliseconds; pictures are the gateway's own, by signed
 * links, since Discord's expire.
 * @param base where clients reach the gateway
 */
export async function midjourneyTask(store: Links, task: Task, base: string): Promise<JsonObject> {
  const about = task.about ?? {};
  const made = lookOf(task);
  const links = await linksOf(store, task, base);
  const [first] = links;
  const { buttons = [], imageWidth, imageHeight, promptEn, description, seed } = made;
  const properties = pick(made, ["finalPrompt", "finalZhPrompt", "bannedWord", "remix", "messageContent"]);
  const prompt = about.prompt ?? made.prompt ?? null;
  return {
    id: task.id,
    action: actionOf(about.action, made.action),
    customId: about.customId ?? null,
    botType: about.botType ?? made.botType ?? "MID_JOURNEY",
    mode: about.mode ?? made.mode ?? null,
    status: midjourneyStatus(task),
    prompt,
    promptEn: promptEn ?? prompt,
    description: description ?? descriptionOf(about),
    state: about.state ?? null,
    submitTime: task.createdAt,
    startTime: task.startedAt ?? null,
    finishTime: task.endedAt ?? null,
    progress: progressOf(task),
    imageUrl: first?.url ?? null,
    imageUrls: links.map(({ url }) => ({ url, thumbnail: thumbnailOf(url) })),
    thumbnailUrl: first === undefined ? null : thumbnailOf(first.url),
    imageWidth: imageWidth ?? first?.width ?? null,
    imageHeight: imageHeight ?? first?.height ?? null,
    failReason: task.error === undefined ? null : failReasonOf(task.error),
    buttons,
    ...(seed === undefined ? {} : { seed }),
    properties,
  };
}

/** What Midjourney itself said of a job; nothing of other vendors'. */
export function lookOf({ result }: Task): JsonObject {
  const look = result?.extra?.midjourney;
  return typeof look === "object" && look !== null ? (look as JsonObject) : {}; // what the adapter wrote
}

/** The protocol's word for where a task stands; `CANCEL` and `MODAL` are of its later versions. */
export function midjourneyStatus(task: Task): string {
  switch (task.state) {
    case "queued":
      return "NOT_START";
    case "submitting":
      return "SUBMITTED";
    case "running":
    case "storing":
      return "IN_PROGRESS";
    case "succeeded":
      return lookOf(task).status === "MODAL" ? "MODAL" : "SUCCESS";
    case "failed":
      return "FAILURE";
    case "cancelled":
      return "CANCEL";
  }
}

/** A button's job is named by what it did, where the vendor says that. */
const actionOf = (asked: unknown, made: unknown): unknown =>
  asked === "ACTION" || asked === undefined ? (made ?? asked ?? "IMAGINE") : asked;

function descriptionOf({ action, prompt }: JsonObject): string {
  const command = `/${String(action ?? "imagine").toLowerCase()}`;
  return typeof prompt === "string" ? `${command} ${prompt}` : command;
}

/** `""` after a failure; a whole hundred only at the end. */
function progressOf({ state, progress = 0 }: Task): string {
  if (state === "succeeded") return "100%";
  if (state === "failed" || state === "cancelled") return "";
  return `${Math.min(99, Math.floor((state === "storing" ? 1 : progress) * 100))}%`;
}

/** The words by which clients tell whose fault it was. */
function failReasonOf({ code, message }: TaskError): string {
  if (code === "content_policy_violation") return `[Banned prompt detected] ${message}`;
  if (code === "invalid_request" || code === "unsupported_parameter") return `[Invalid parameter] ${message}`;
  return message;
}

interface Link {
  readonly url: string;
  readonly width: number | null;
  readonly height: number | null;
}

async function linksOf(store: Links, task: Task, base: string): Promise<readonly Link[]> {
  const kept = (task.result?.pictures ?? []).filter(
    (picture): picture is KeptPicture => picture.kind === "kept",
  );
  const links = await Promise.all(
    kept.map(async ({ media, width, height }) => {
      const stored = await store.find(task.tenant, media);
      return stored === undefined ? [] : [{ url: store.link(stored, base), width, height }];
    }),
  );
  return links.flat();
}
type KeptPicture = TaskPicture & { readonly kind: "kept" };

const thumbnailOf = (url: string): string => `${url}${url.includes("?") ? "&" : "?"}${THUMBNAIL}`;

const pick = (values: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(
    names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]] as const])),
  );
