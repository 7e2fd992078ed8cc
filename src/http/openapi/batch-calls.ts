import type { JsonObject } from "../../core/generation.ts";
import { type Description, json, ref } from "./description.ts";

/** OpenAI's files and batches: the same tasks in other words. */

const text = { type: "string" };
const whole = { type: "integer" };
const perhaps = (type: string): JsonObject => ({ type: [type, "null"] });
const lines = { "application/jsonl": { type: "string" } };
const PAGE = { after: "The last id of the page before." };
const NO_FILE = "There is no such file of the caller's.";
const NO_BATCH = "There is no such batch of the caller's.";

export const BATCH_CALLS: readonly Description[] = [
  {
    method: "post",
    path: "/v1/files",
    tag: "Tasks",
    summary: "Upload a file of JSON lines for a batch",
    description:
      "With `purpose` `batch`, the only one. It is kept like other uploads; `expires_after[seconds]` keeps it for less. Its lines are checked when a batch is made of it.",
    access: "client",
    bodies: {
      "multipart/form-data": {
        type: "object",
        properties: {
          purpose: { enum: ["batch"] },
          file: { type: "string", format: "binary" },
          "expires_after[anchor]": { enum: ["created_at"] },
          "expires_after[seconds]": whole,
        },
        required: ["purpose", "file"],
      },
    },
    answers: {
      200: json("It is kept.", "File"),
      413: "It is too large, or all uploads together would be.",
      429: "Too many uploads of the caller run already.",
    },
  },
  {
    method: "get",
    path: "/v1/files",
    tag: "Tasks",
    summary: "The caller's files of JSON lines, the newest first",
    description:
      "What batches were answered with is not among them: each batch names its own. Takes the scope `media`.",
    access: "client",
    parameters: {
      ...PAGE,
      limit: "From 1 to 10,000; absent: 100.",
      purpose: "Any other than `batch` has no files.",
      order: "`desc`.",
    },
    answers: { 200: json("The files.", "Files") },
  },
  {
    method: "get",
    path: "/v1/files/{id}",
    tag: "Tasks",
    summary: "What a file is: one that was uploaded, or what a batch was answered with",
    access: "client",
    answers: { 200: json("The file.", "File"), 404: NO_FILE },
  },
  {
    method: "get",
    path: "/v1/files/{id}/content",
    tag: "Tasks",
    summary: "A file's lines",
    description: "Of one that was uploaded: takes the scope `media`.",
    access: "client",
    answers: { 200: { text: "The lines.", types: lines }, 404: NO_FILE },
  },
  {
    method: "delete",
    path: "/v1/files/{id}",
    tag: "Tasks",
    summary: "Delete a file; batches that were made of it go on",
    description: "Takes the scope `media`.",
    access: "client",
    answers: {
      200: "It is deleted.",
      404: NO_FILE,
      409: "It is a batch's answers, which go with the batch.",
    },
  },
  {
    method: "post",
    path: "/v1/batches",
    tag: "Tasks",
    summary: "Have the requests of a file done, in OpenAI's words",
    description:
      "The same task as `POST /v1/tasks` makes with `input_file`, under the same id, at the same price. All lines are checked first: one that is wrong is named, and nothing is begun. The batch does not expire before it has ended; `expires_at` tells until when its answers are kept. A `webhook` may be named as for other tasks.",
    access: "client",
    body: ref("BatchRequest"),
    answers: {
      200: json("The batch is taken.", "Batch"),
      404: NO_FILE,
      413: "The file or a line is too long.",
      429: "Too many tasks of the caller have not ended yet.",
      503: "The gateway is overloaded or stopping.",
    },
  },
  {
    method: "get",
    path: "/v1/batches",
    tag: "Tasks",
    summary: "The caller's batches, the newest first, however they were asked for",
    access: "client",
    parameters: { ...PAGE, limit: "From 1 to 100; absent: 20." },
    answers: { 200: json("The batches.", "Batches") },
  },
  {
    method: "get",
    path: "/v1/batches/{id}",
    tag: "Tasks",
    summary: "How far a batch is",
    access: "client",
    answers: { 200: json("The batch.", "Batch"), 404: NO_BATCH },
  },
  {
    method: "post",
    path: "/v1/batches/{id}/cancel",
    tag: "Tasks",
    summary: "Cancel a batch: lines that run are let end, no more begin",
    access: "client",
    answers: { 200: json("The batch.", "Batch"), 404: NO_BATCH },
  },
];

export const BATCH_SCHEMAS: Readonly<Record<string, JsonObject>> = {
  File: {
    type: "object",
    properties: {
      id: text,
      object: text,
      bytes: whole,
      created_at: whole,
      expires_at: perhaps("integer"),
      filename: text,
      purpose: { enum: ["batch", "batch_output"] },
      status: { enum: ["processed"] },
    },
  },
  Files: listOf("File"),
  BatchRequest: {
    type: "object",
    properties: {
      input_file_id: text,
      endpoint: {
        enum: ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/images/generations"],
        description: "Of lines that name no `url`.",
      },
      completion_window: { enum: ["24h"] },
      metadata: { type: "object" },
      webhook: {
        anyOf: [text, { type: "object", properties: { url: text, secret: text }, required: ["url"] }],
      },
    },
    required: ["input_file_id", "endpoint", "completion_window"],
  },
  Batch: {
    type: "object",
    properties: {
      id: text,
      object: text,
      endpoint: perhaps("string"),
      errors: perhaps("object"),
      input_file_id: { ...perhaps("string"), description: "Null: its lines came with the request." },
      completion_window: perhaps("string"),
      status: { enum: ["in_progress", "cancelling", "completed", "failed", "cancelled"] },
      output_file_id: { ...perhaps("string"), description: "Lines that ended well, once all have ended." },
      error_file_id: { ...perhaps("string"), description: "Lines that did not." },
      created_at: whole,
      in_progress_at: perhaps("integer"),
      expires_at: perhaps("integer"),
      completed_at: perhaps("integer"),
      failed_at: perhaps("integer"),
      cancelled_at: perhaps("integer"),
      request_counts: { type: "object", properties: { total: whole, completed: whole, failed: whole } },
      usage: { type: "object" },
      metadata: perhaps("object"),
    },
  },
  Batches: listOf("Batch"),
};

function listOf(schema: string): JsonObject {
  const properties = {
    object: text,
    data: { type: "array", items: ref(schema) },
    first_id: perhaps("string"),
    last_id: perhaps("string"),
    has_more: { type: "boolean" },
  };
  return { type: "object", properties };
}
