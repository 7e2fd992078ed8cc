import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { type TaskId, taskId } from "../../core/ids.ts";
import { isMediaOperation, type MediaRequest } from "../../core/media.ts";
import { asBody, asObject, invalid } from "../../gateway/requests/fields.ts";
import { parseMedia } from "../../gateway/requests/media.ts";

/** What a client wants done, and told about it. */
export interface TaskBody {
  readonly request: MediaRequest;
  readonly metadata?: JsonObject;
  readonly webhook?: { readonly url: string; readonly secret?: string };
  readonly parentTask?: TaskId;
}

/** OpenAI's bounds of metadata. */
const MOST_METADATA = 16;
const MOST_METADATA_CHARS = 512;
/** Fields of the task itself; everything else is of the pictures. */
const OWN: ReadonlySet<string> = new Set(["type", "input", "body", "webhook", "metadata", "parent"]);

/**
 * Reads the body of `POST /v1/tasks`: `{type?, model, prompt, …}`, flat or with OpenAI's images body in `input` or
 * `body`. Without a type, what comes with a picture is an edit. Throws SluiceError `invalid_request` with `param`.
 */
export function parseTask(value: unknown): TaskBody {
  const body = asBody(value);
  const flat = Object.fromEntries(Object.entries(body).filter(([name]) => !OWN.has(name)));
  const inner = body.input ?? body.body;
  const asked: JsonObject =
    inner === undefined || inner === null ? flat : { ...flat, ...asObject(inner, "input") };
  const hasPicture = ["image", "images", "image_url"].some(
    (name) => asked[name] !== undefined && asked[name] !== null,
  );
  const type = body.type ?? (hasPicture ? "image_edit" : "image");
  if (typeof type !== "string" || !isMediaOperation(type)) {
    throw invalid("type", "must be 'image' or 'image_edit'");
  }
  const { webhook, metadata, parent } = body;
  return {
    request: parseMedia(asked, type),
    ...(webhook === undefined || webhook === null ? {} : { webhook: webhookOf(webhook) }),
    ...(metadata === undefined || metadata === null ? {} : { metadata: metadataOf(metadata) }),
    ...(typeof parent === "string" ? { parentTask: taskId(parent) } : {}),
  };
}

function webhookOf(value: unknown): { readonly url: string; readonly secret?: string } {
  if (typeof value === "string") return { url: value };
  const { url, secret } = asObject(value, "webhook");
  if (typeof url !== "string") throw invalid("webhook.url", "must be a URL");
  if (secret === undefined || secret === null) return { url };
  if (typeof secret !== "string" || !/^whsec_[A-Za-z0-9+/=]{32,}$/.test(secret)) {
    throw invalid("webhook.secret", "must be 'whsec_' and at least 24 bytes in base64");
  }
  return { url, secret };
}

function metadataOf(value: unknown): JsonObject {
  const metadata = asObject(value, "metadata");
  const entries = Object.entries(metadata);
  if (entries.length > MOST_METADATA) throw invalid("metadata", `must have at most ${MOST_METADATA} entries`);
  for (const [name, entry] of entries) {
    const isShort = name.length <= 64 && JSON.stringify(entry).length <= MOST_METADATA_CHARS;
    const isPlain = ["string", "number", "boolean"].includes(typeof entry);
    if (!isShort || !isPlain)
      throw invalid(`metadata.${name.slice(0, 64)}`, "must be a short text, number or boolean");
  }
  return metadata;
}

export const unknownTask = (): SluiceError =>
  new SluiceError("not_found", "There is no such task of yours.", { param: "id" });
