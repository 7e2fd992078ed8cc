import type { JsonObject } from "../../../core/generation.ts";
import type { Task } from "../../../core/task.ts";
import type { StoredMedia } from "../../../media/media.ts";
import { type OutputKind, outputFileId } from "./batch-object.ts";

/** A file of JSON lines as OpenAI shows one; times are seconds since the epoch. */
export const fileObject = ({ id, bytes, createdAt, expiresAt, name }: StoredMedia): JsonObject => ({
  id,
  object: "file",
  bytes,
  created_at: Math.floor(createdAt / 1_000),
  expires_at: Math.floor(expiresAt / 1_000),
  filename: name ?? `${id}.jsonl`,
  purpose: "batch",
  status: "processed",
});

/** What lines of a batch were answered with, as if it were a file. */
export const outputFileObject = (
  { id, endedAt = 0, expiresAt }: Task,
  kind: OutputKind,
  bytes: number,
): JsonObject => ({
  id: outputFileId(id, kind),
  object: "file",
  bytes,
  created_at: Math.floor(endedAt / 1_000),
  expires_at: expiresAt === undefined ? null : Math.floor(expiresAt / 1_000),
  filename: `${outputFileId(id, kind)}.jsonl`,
  purpose: "batch_output",
  status: "processed",
});
