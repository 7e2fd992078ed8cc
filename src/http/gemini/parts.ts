import type { JsonObject } from "../../core/generation.ts";
import { ownOf } from "../../core/own-of.ts";
import { asObject, invalid } from "../../gateway/requests/fields.ts";
import { requiredString } from "../anthropic/parts.ts";
import type { Losses } from "../losses.ts";
import { objectIn } from "../openai/responses/chat-pieces.ts";
import { unsupported } from "../openai/responses/unsupported.ts";

/** What says how a part is to be read, beside what it is. */
const BESIDE = new Set(["thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"]);

/** What a model's tools did at Google: nothing here runs them, and nobody else can read it. */
const OF_GOOGLES_TOOLS = new Set(["executableCode", "codeExecutionResult", "toolCall", "toolResponse"]);

/** Files at Google belong to the platform's key: a client that knew a name would read what is another's. */
const OWN_HOST = /(?:^|\.)googleapis\.com\.?$/i;

const SOUNDS: Readonly<Record<string, string>> = { mpeg: "mp3", "x-wav": "wav", wave: "wav", mp4: "m4a" };

const kindsOf = (part: JsonObject): readonly string[] =>
  Object.keys(part).filter((name) => !BESIDE.has(name));

/** The kind of a part: the only field that is no remark on it; undefined for an empty one. */
export const kindOf = (part: JsonObject): string | undefined => kindsOf(part)[0];

/**
 * The part, which is of one kind: of a second one nobody would have looked at what it says.
 * @throws SluiceError `invalid_request` for a part of several
 */
export function ofOneKind(part: JsonObject, path: string): JsonObject {
  const second = kindsOf(part)[1];
  if (second !== undefined) throw invalid(`${path}.${second.slice(0, 60)}`, "a part is of one kind");
  return part;
}

/**
 * A part as parts of a chat message. Kinds that a chat has no word for are told as losses.
 * @throws SluiceError `unsupported_parameter` for files and tools of Google's
 */
export function partsOf(part: JsonObject, path: string, losses: Losses): readonly JsonObject[] {
  for (const name of ["videoMetadata", "mediaResolution"])
    if (part[name] !== undefined) losses.drop(`parts.${name}`);
  const kind = kindOf(part);
  switch (kind) {
    case undefined:
      return [];
    case "text":
      return textPart(requiredString(part.text, `${path}.text`));
    case "inlineData":
      return inlinePart(asObject(part.inlineData, `${path}.inlineData`), `${path}.inlineData`);
    case "fileData":
      return filePart(asObject(part.fileData, `${path}.fileData`), `${path}.fileData`, losses);
    default:
      if (OF_GOOGLES_TOOLS.has(kind)) throw unsupported(`${path}.${kind}`, "Google's tools are not run here");
      losses.needOwn(`${path}.${kind.slice(0, 60)}`, "parts of this kind are their own");
      return [];
  }
}

/** Texts without a character say nothing, and some vendors refuse them. */
const textPart = (text: string): readonly JsonObject[] => (text === "" ? [] : [{ type: "text", text }]);

function inlinePart(inline: JsonObject, path: string): readonly JsonObject[] {
  const type = requiredString(inline.mimeType, `${path}.mimeType`).toLowerCase();
  const data = requiredString(inline.data, `${path}.data`);
  const [kind, subtype = ""] = type.split(";")[0]?.split("/") ?? [];
  const url = `data:${type};base64,${data}`;
  if (kind === "image") return [{ type: "image_url", image_url: { url } }];
  if (kind === "text") return textPart(Buffer.from(data, "base64").toString("utf8"));
  if (kind === "audio") {
    return [{ type: "input_audio", input_audio: { data, format: ownOf(SOUNDS, subtype) ?? subtype } }];
  }
  const name = typeof inline.displayName === "string" ? inline.displayName : `file.${subtype}`;
  return [{ type: "file", file: { filename: name, file_data: url } }];
}

function filePart(file: JsonObject, path: string, losses: Losses): readonly JsonObject[] {
  const uri = requiredString(file.fileUri, `${path}.fileUri`);
  const url = URL.parse(uri);
  if (url === null || !/^https?:$/.test(url.protocol) || OWN_HOST.test(url.hostname)) {
    throw unsupported(`${path}.fileUri`, "files are kept at Google, and not here; send them as 'inlineData'");
  }
  if (typeof file.mimeType === "string" && file.mimeType.startsWith("image/"))
    return [{ type: "image_url", image_url: { url: uri } }];
  losses.needOwn(`${path}.fileUri`, "documents elsewhere are fetched there, and not here");
  return [];
}

/** True for a thought that stands among a model's parts. */
export const isThought = ({ thought }: JsonObject): boolean => thought === true;

/** The function that a part calls; undefined for other parts. */
export const callIn = (part: JsonObject): JsonObject | undefined => objectIn(part.functionCall);

/** The result of a function that a part is; undefined for other parts. */
export const resultIn = (part: JsonObject): JsonObject | undefined => objectIn(part.functionResponse);
