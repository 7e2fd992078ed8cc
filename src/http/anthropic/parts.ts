import type { JsonObject } from "../../core/generation.ts";
import { asObject, invalid } from "../../gateway/requests/fields.ts";
import type { Losses } from "../losses.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { unsupported } from "./unsupported.ts";

/** A block's content as parts of a chat message. Kinds that a chat has no word for are told as losses. */
export function partsOf(block: JsonObject, path: string, losses: Losses): readonly JsonObject[] {
  if (block.cache_control !== undefined && block.cache_control !== null) losses.drop("cache_control");
  switch (block.type) {
    case "text":
      return textPart(requiredString(block.text, `${path}.text`));
    case "image":
      return imagePart(asObject(block.source, `${path}.source`), `${path}.source`);
    case "document":
      return documentParts(block, path, losses);
    case "search_result":
      return searchParts(block, path);
    default:
      if (typeof block.type !== "string" || !OWN_BLOCKS.has(block.type)) {
        throw unsupported(`${path}.type`, `blocks of the type '${shown(block.type)}' are not known here`);
      }
      refuseFilesIn(block, path);
      losses.needOwn(`${path}.type`, `blocks of the type '${block.type}' are its own`);
      return [];
  }
}

/** The same in a block that passes through unread; what a tool was asked is the client's own. */
function refuseFilesIn(value: object, path: string): void {
  if ("file_id" in value) throw unsupported(path, NO_FILES);
  for (const [name, part] of Object.entries(value)) {
    if (name !== "input" && typeof part === "object" && part !== null) refuseFilesIn(part, path);
  }
}

/** What tools that Anthropic ran once said in a conversation. */
const OWN_BLOCKS = new Set([
  "server_tool_use",
  "web_search_tool_result",
  "web_fetch_tool_result",
  "tool_search_tool_result",
  "tool_reference",
  "compaction",
]);

/** At Anthropic files belong to the platform's key, and may be another client's. */
function refuseFile(source: JsonObject, path: string): void {
  if (source.type === "file") throw unsupported(path, NO_FILES);
}

const NO_FILES = "files are not kept here: send what is in them";

/** Texts without a character say nothing, and some vendors refuse them. */
const textPart = (text: string): readonly JsonObject[] => (text === "" ? [] : [{ type: "text", text }]);

function imagePart(source: JsonObject, path: string): readonly JsonObject[] {
  refuseFile(source, path);
  if (source.type === "base64") {
    const type = requiredString(source.media_type, `${path}.media_type`);
    const data = requiredString(source.data, `${path}.data`);
    return [{ type: "image_url", image_url: { url: `data:${type};base64,${data}` } }];
  }
  if (source.type === "url") {
    return [{ type: "image_url", image_url: { url: requiredString(source.url, `${path}.url`) } }];
  }
  throw invalid(`${path}.type`, "must be 'base64' or 'url'");
}

function documentParts(block: JsonObject, path: string, losses: Losses): readonly JsonObject[] {
  const source = asObject(block.source, `${path}.source`);
  refuseFile(source, `${path}.source`);
  if (objectIn(block.citations)?.enabled === true) losses.drop("citations");
  const title = typeof block.title === "string" ? block.title : undefined;
  const head = [title, block.context].filter((text) => typeof text === "string" && text !== "").join("\n");
  switch (source.type) {
    case "base64": {
      const type = requiredString(source.media_type, `${path}.source.media_type`);
      const data = requiredString(source.data, `${path}.source.data`);
      const file = { filename: title ?? "document.pdf", file_data: `data:${type};base64,${data}` };
      return [...textPart(typeof block.context === "string" ? block.context : ""), { type: "file", file }];
    }
    case "text":
      return [...textPart(head), ...textPart(requiredString(source.data, `${path}.source.data`))];
    case "content": {
      const { content } = source;
      if (typeof content === "string") return [...textPart(head), ...textPart(content)];
      return [...textPart(head), ...partsIn(content, `${path}.source.content`, losses)];
    }
    case "url":
      losses.needOwn(`${path}.source`, "documents elsewhere are fetched there, and not here");
      return [];
    default:
      throw invalid(`${path}.source.type`, "must be 'base64', 'text', 'content' or 'url'");
  }
}

function searchParts({ title, source, content }: JsonObject, path: string): readonly JsonObject[] {
  const texts = listIn(content).map((part, at) =>
    requiredString(asObject(part, `${path}.content[${at}]`).text, `${path}.content[${at}].text`),
  );
  const lines = [title, source].filter((text) => typeof text === "string");
  return textPart([...lines, ...texts].join("\n"));
}

/**
 * Content that is a text or a list of blocks.
 * @throws SluiceError `invalid_request` for anything else
 */
export function partsIn(content: unknown, path: string, losses: Losses): readonly JsonObject[] {
  if (content === undefined || content === null) return [];
  if (typeof content === "string") return textPart(content);
  if (!Array.isArray(content)) throw invalid(path, "must be a string or an array of blocks");
  return content.flatMap((block: unknown, at) =>
    partsOf(asObject(block, `${path}[${at}]`), `${path}[${at}]`, losses),
  );
}

/** One text where there is nothing else, which every vendor takes. */
export function contentOf(parts: readonly JsonObject[]): string | readonly JsonObject[] {
  if (!parts.every(({ type }) => type === "text")) return parts;
  return parts.map(({ text }) => String(text)).join("\n\n");
}

/** @throws SluiceError `invalid_request` when it is no string; it may be empty */
export function requiredString(value: unknown, param: string): string {
  if (typeof value !== "string") throw invalid(param, "must be a string");
  return value;
}

/** A type as an error may show it. */
export const shown = (type: unknown): string => String(type).slice(0, 60);
