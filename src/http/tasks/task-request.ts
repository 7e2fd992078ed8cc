import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { type MediaId, mediaId, type TaskId, taskId } from "../../core/ids.ts";
import { isMediaOperation, type MediaRequest } from "../../core/media.ts";
import { type BatchRequest, parseBatch, readJsonLines } from "../../gateway/requests/batch.ts";
import { asBody, asObject, invalid } from "../../gateway/requests/fields.ts";
import { parseMedia } from "../../gateway/requests/media.ts";
import type { WantedFile } from "../../gateway/tasks/batch-file.ts";
import { isStorable } from "../stored-text.ts";

/** What a client wants done, and told about it. */
export type TaskBody = PictureBody | BatchBody | FileBatchBody;

/** A batch whose lines are in a file that was uploaded before. */
export interface FileBatchBody extends ToldBody {
  readonly file: WantedFile;
}

export interface BatchBody extends ToldBody {
  readonly lines: readonly BatchRequest[];
}

export interface PictureBody extends ToldBody {
  readonly request: MediaRequest;
  readonly parentTask?: TaskId;
}

interface ToldBody {
  readonly metadata?: JsonObject;
  readonly webhook?: { readonly url: string; readonly secret?: string };
}

/** OpenAI's bounds of metadata. */
const MOST_METADATA = 16;
const MOST_METADATA_CHARS = 512;
/** Fields of the task itself; everything else is of the pictures. */
const OWN: ReadonlySet<string> = new Set(["type", "input", "body", "webhook", "metadata", "parent"]);

/**
 * Reads the body of `POST /v1/tasks`: `{type?, model, prompt, …}`, flat or with OpenAI's images body in `input` or
 * `body`. Without a type, what comes with a picture is an edit. A batch has its lines in `requests`, or as JSON lines in
 * `input`, or in a file of its tenant's that `input_file` names. Throws SluiceError `invalid_request` with `param`.
 */
export function parseTask(value: unknown): TaskBody {
  const body = asBody(value);
  if (body.type === "batch" || body.requests !== undefined || body.input_file !== undefined) {
    const { input_file: file, endpoint } = body;
    if (file !== undefined && file !== null) {
      if (body.requests !== undefined || body.input !== undefined)
        throw invalid("input_file", "must not come with other requests");
      return { file: { id: fileOf(file, "input_file"), endpoint, param: "input_file" }, ...told(body) };
    }
    return { lines: parseBatch(linesOf(body), body.endpoint), ...told(body) };
  }
  const flat = Object.fromEntries(Object.entries(body).filter(([name]) => !OWN.has(name)));
  const inner = body.input ?? body.body;
  const asked: JsonObject =
    inner === undefined || inner === null ? flat : { ...flat, ...asObject(inner, "input") };
  const hasPicture = ["image", "images", "image_url"].some(
    (name) => asked[name] !== undefined && asked[name] !== null,
  );
  const type = body.type ?? (hasPicture ? "image_edit" : "image");
  if (typeof type !== "string" || !isMediaOperation(type)) {
    throw invalid("type", "must be 'image', 'image_edit' or 'batch'");
  }
  const { parent } = body;
  return {
    request: parseMedia(asked, type),
    ...told(body),
    ...(typeof parent === "string" ? { parentTask: taskId(parent) } : {}),
  };
}

/** The id that an upload answered. */
export function fileOf(value: unknown, param: string): MediaId {
  if (typeof value === "string" && value !== "" && isStorable(value)) return mediaId(value);
  throw invalid(param, "must be the id of a file");
}

/** A body that is nothing but a batch's lines. */
export const parseTaskLines = (text: string): BatchBody => ({
  lines: parseBatch(readJsonLines(text), undefined),
});

function linesOf({ requests, input }: JsonObject): readonly unknown[] {
  if (Array.isArray(requests)) return requests;
  if (requests !== undefined) throw invalid("requests", "must be an array");
  if (typeof input !== "string") throw invalid("requests", "is required");
  return readJsonLines(input);
}

/** What is told of a task, and to whom. */
export const told = ({ webhook, metadata }: JsonObject): ToldBody => ({
  ...(webhook === undefined || webhook === null ? {} : { webhook: webhookOf(webhook) }),
  ...(metadata === undefined || metadata === null ? {} : { metadata: metadataOf(metadata) }),
});

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
