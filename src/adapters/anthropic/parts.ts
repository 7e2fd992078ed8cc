import type { JsonObject } from "../../core/generation.ts";
import { readDataUrl } from "../data-url.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject, listOf, textOf } from "../json.ts";
import { cacheControlIn, type Note } from "./cache-control.ts";

const IMAGE_TYPES = new Set(["image/jpeg", "image/png", "image/gif", "image/webp"]);

/**
 * OpenAI content (a text or a list of parts) as Anthropic's blocks. Texts without a character are left out, since
 * Anthropic refuses them.
 * @param path where it stands in the client's body, for errors
 * @throws SluiceError `unsupported_parameter` for what Anthropic cannot read
 */
export function blocksOf(content: unknown, path: string, note: Note): JsonObject[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  return listOf(content).flatMap((part, at) => (isObject(part) ? blockOf(part, `${path}[${at}]`, note) : []));
}

function blockOf(part: JsonObject, path: string, note: Note): JsonObject[] {
  const cached = cacheControlIn(part, note);
  switch (part.type) {
    case "text":
    case "refusal": {
      const text = textOf(part.text) ?? textOf(part.refusal);
      return text === undefined ? [] : [{ type: "text", text, ...cached }];
    }
    case "image_url":
      return [{ ...imageOf(part.image_url, path), ...cached }];
    case "file":
      return [{ ...documentOf(part.file, path), ...cached }];
    default:
      throw unsupported(path, `Anthropic takes no parts of the type '${String(part.type).slice(0, 40)}'.`);
  }
}

function imageOf(image: unknown, path: string): JsonObject {
  const url = textOf(image) ?? (isObject(image) ? textOf(image.url) : undefined) ?? "";
  if (url.startsWith("https://")) return { type: "image", source: { type: "url", url } };
  const data = readDataUrl(url);
  if (data === undefined || !IMAGE_TYPES.has(data.mediaType)) {
    throw unsupported(
      `${path}.image_url`,
      "Anthropic takes images as https URLs, or as base64 data URLs of JPEG, PNG, GIF or WebP.",
    );
  }
  return { type: "image", source: { type: "base64", media_type: data.mediaType, data: data.base64 } };
}

/** PDF and plain text that came with the request; files kept at another vendor cannot be read. */
function documentOf(file: unknown, path: string): JsonObject {
  const { file_data, filename } = isObject(file) ? file : {};
  const data = readDataUrl(textOf(file_data) ?? "");
  const title = textOf(filename);
  const named = title === undefined ? {} : { title };
  if (data?.mediaType === "application/pdf") {
    const source = { type: "base64", media_type: "application/pdf", data: data.base64 };
    return { type: "document", source, ...named };
  }
  if (data?.mediaType === "text/plain") {
    const text = Buffer.from(data.base64, "base64").toString("utf8");
    return { type: "document", source: { type: "text", media_type: "text/plain", data: text }, ...named };
  }
  throw unsupported(
    `${path}.file`,
    "Anthropic takes PDF and plain text, as base64 data URLs in 'file_data'.",
  );
}
