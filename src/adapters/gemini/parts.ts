import type { JsonObject } from "../../core/generation.ts";
import { ownOf } from "../../core/own-of.ts";
import { readDataUrl } from "../data-url.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject, listOf, objectOf, textOf } from "../json.ts";

/** Google's pages on images, sound and documents. */
const IMAGE_TYPES = new Set(["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"]);
const AUDIO_TYPES: Readonly<Record<string, string>> = {
  wav: "audio/wav",
  mp3: "audio/mp3",
  aiff: "audio/aiff",
  aac: "audio/aac",
  ogg: "audio/ogg",
  flac: "audio/flac",
};
const IMAGE_ENDINGS: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  heic: "image/heic",
  heif: "image/heif",
};

/** Files at Google belong to the platform's key: a client that knew a name would read what is another's. */
const OWN_HOST = /(?:^|\.)googleapis\.com\.?$/i;

/**
 * OpenAI content (a text or a list of parts) as Gemini's parts. Texts without a character are left out.
 * @param path where it stands in the client's body, for errors
 * @throws SluiceError `unsupported_parameter` for what Gemini cannot read
 */
export function partsOf(content: unknown, path: string): JsonObject[] {
  if (typeof content === "string") return content === "" ? [] : [{ text: content }];
  return listOf(content).flatMap((part, at) => (isObject(part) ? partOf(part, `${path}[${at}]`) : []));
}

function partOf(part: JsonObject, path: string): JsonObject[] {
  switch (part.type) {
    case "text":
    case "refusal": {
      const text = textOf(part.text) ?? textOf(part.refusal);
      return text === undefined ? [] : [{ text }];
    }
    case "image_url":
      return [imageOf(part.image_url, `${path}.image_url`)];
    case "input_audio":
      return [soundOf(objectOf(part.input_audio) ?? {}, `${path}.input_audio`)];
    case "file":
      return [documentOf(objectOf(part.file) ?? {}, `${path}.file`)];
    default:
      throw unsupported(path, `Gemini takes no parts of the type '${String(part.type).slice(0, 40)}'.`);
  }
}

const inline = (mimeType: string, data: string): JsonObject => ({ inlineData: { mimeType, data } });

function imageOf(image: unknown, path: string): JsonObject {
  const url = textOf(image) ?? textOf(objectOf(image)?.url) ?? "";
  const data = readDataUrl(url);
  if (data !== undefined && IMAGE_TYPES.has(data.mediaType)) return inline(data.mediaType, data.base64);
  const mimeType = fetchableImageType(url);
  if (mimeType !== undefined) return { fileData: { mimeType, fileUri: url } };
  throw unsupported(
    path,
    "Gemini takes images as base64 data URLs of PNG, JPEG, WebP, HEIC or HEIF, or as public https URLs that end in such a name.",
  );
}

/** What Google fetches by itself (since January 2026): public https addresses, whose kind it has to be told. */
function fetchableImageType(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "https:" || OWN_HOST.test(url.hostname)) return undefined;
  const ending = /\.(\w+)$/.exec(url.pathname)?.[1]?.toLowerCase() ?? "";
  return ownOf(IMAGE_ENDINGS, ending);
}

function soundOf({ data, format }: JsonObject, path: string): JsonObject {
  const name = String(format).toLowerCase();
  const mimeType = ownOf(AUDIO_TYPES, name);
  const base64 = textOf(data);
  if (mimeType === undefined || base64 === undefined) {
    throw unsupported(path, "Gemini takes sound as base64 'data' of WAV, MP3, AIFF, AAC, OGG or FLAC.");
  }
  return inline(mimeType, base64);
}

/** Documents, sound and video that came with the request; files kept at another vendor cannot be read. */
function documentOf({ file_data }: JsonObject, path: string): JsonObject {
  const data = readDataUrl(textOf(file_data) ?? "");
  if (data !== undefined && /^(?:application\/pdf|text\/|audio\/|video\/|image\/)/.test(data.mediaType)) {
    return inline(data.mediaType, data.base64);
  }
  throw unsupported(
    path,
    "Gemini takes PDF, text, images, sound and video, as base64 data URLs in 'file_data'.",
  );
}
