import type { JsonObject } from "../../../core/generation.ts";
import { asObject, invalid } from "../../../gateway/requests/fields.ts";
import { unsupported } from "./unsupported.ts";

interface Content {
  readonly content: string | readonly JsonObject[];
  readonly refusal?: string;
}

/**
 * A message's content in chat's form; a list of nothing but texts becomes one text, which every vendor takes.
 * @throws SluiceError naming the part that cannot be said in a chat
 */
export function chatContent(value: unknown, path: string): Content {
  if (typeof value === "string") return { content: value };
  if (!Array.isArray(value)) throw invalid(path, "must be a string or an array of parts");
  const parts: JsonObject[] = [];
  const refusals: string[] = [];
  value.forEach((one: unknown, index) => {
    const part = asObject(one, `${path}[${index}]`);
    if (part.type === "refusal" && typeof part.refusal === "string") refusals.push(part.refusal);
    else parts.push(chatPart(part, `${path}[${index}]`));
  });
  const content = parts.every(({ type }) => type === "text")
    ? parts.map(({ text }) => String(text)).join("\n")
    : parts;
  return refusals.length === 0 ? { content } : { content, refusal: refusals.join("\n") };
}

function chatPart(part: JsonObject, path: string): JsonObject {
  switch (part.type) {
    case "input_text":
    case "output_text":
    case "text":
      if (typeof part.text !== "string") throw invalid(`${path}.text`, "must be a string");
      return { type: "text", text: part.text };
    case "input_image":
      return { type: "image_url", image_url: imageOf(part, path) };
    case "input_file":
      return { type: "file", file: fileOf(part, path) };
    case "input_audio":
      return { type: "input_audio", input_audio: asObject(part.input_audio, `${path}.input_audio`) };
    default:
      throw unsupported(`${path}.type`, `parts of the type '${String(part.type)}' are not known here`);
  }
}

function imageOf({ image_url, file_id, detail }: JsonObject, path: string): JsonObject {
  // At OpenAI files belong to the platform's key, and may be another client's.
  if (isSet(file_id)) throw unsupported(`${path}.file_id`, "files are not kept here");
  if (typeof image_url !== "string") throw invalid(`${path}.image_url`, "must be a string");
  return { url: image_url, ...(typeof detail === "string" ? { detail } : {}) };
}

function fileOf({ file_data, file_id, file_url, filename }: JsonObject, path: string): JsonObject {
  if (typeof file_data !== "string" || isSet(file_id) || isSet(file_url)) {
    throw unsupported(path, "files are not kept or fetched here: send 'file_data'");
  }
  return { file_data, ...(typeof filename === "string" ? { filename } : {}) };
}

/** A tool's output: a text, or its parts. @throws SluiceError naming the part that cannot be said in a chat */
export function outputContent(value: unknown, path: string): string | readonly JsonObject[] {
  const { content } = chatContent(value, path);
  if (typeof content === "string" || content.every(({ type }) => type === "text")) return content;
  throw unsupported(path, "a tool's output can only be text here: send images in a message");
}

/** What a reasoning item says, in the open or as a summary. */
export function reasoningText({ content, summary }: JsonObject): string {
  const inOpen = textsOf(content);
  return (inOpen.length > 0 ? inOpen : textsOf(summary)).join("\n\n");
}

function textsOf(parts: unknown): readonly string[] {
  if (!Array.isArray(parts)) return [];
  return parts.flatMap((part: unknown) => {
    const text = typeof part === "object" && part !== null && "text" in part ? part.text : undefined;
    return typeof text === "string" && text !== "" ? [text] : [];
  });
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null;
