import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import { FILM_TOKENS } from "../../core/limits.ts";
import type { Writable } from "../../core/writable.ts";
import {
  asBody,
  asObject,
  checkFields,
  type FieldType,
  invalid,
  optionalInteger,
  requiredText,
} from "./fields.ts";
import { MOST_DOCUMENT_TOKENS } from "./media-tokens.ts";
import { readPdf } from "./pdf-documents.ts";
import { type PdfBudget, pdfBudget } from "./pdf-streams.ts";
import { promptTokensForHold } from "./prompt-tokens.ts";

/** Types of the fields of OpenAI's chat request; what is not named here is passed on unchecked. */
const FIELDS: Readonly<Record<string, FieldType>> = {
  stream: "boolean",
  stream_options: "object",
  temperature: "number",
  top_p: "number",
  frequency_penalty: "number",
  presence_penalty: "number",
  stop: "stop",
  seed: "integer",
  tools: "array",
  functions: "array",
  parallel_tool_calls: "boolean",
  response_format: "object",
  logit_bias: "object",
  logprobs: "boolean",
  top_logprobs: "integer",
  user: "string",
  metadata: "object",
  store: "boolean",
  reasoning_effort: "string",
};

const ROLES = new Set(["developer", "system", "user", "assistant", "tool", "function"]);

/** OpenAI's own bound for `n`. */
const MOST_CHOICES = 128;
const MOST_TOKENS = 10_000_000;

/**
 * Reads a chat completions body (OpenAI's published request schema): checks what routing and metering rely
 * on, leaves the rest as it came.
 * @param bodyBytes size of the body on the wire, for the hold's prompt estimate
 * @throws SluiceError `invalid_request` with the field in `param`
 */
export function parseChat(value: unknown, bodyBytes: number): GenerationRequest {
  const body = asBody(value);
  const model = requiredText(body, "model");
  checkFields(body, FIELDS);
  const shown = scanMessages(body);
  const tokens =
    optionalInteger(body, "max_completion_tokens", 1, MOST_TOKENS) ??
    optionalInteger(body, "max_tokens", 1, MOST_TOKENS);
  const stream = body.stream === true;
  const request: Writable<GenerationRequest> = {
    operation: "chat",
    model,
    stream,
    includeUsage: readStreamOptions(body, stream),
    body,
    choices: optionalInteger(body, "n", 1, MOST_CHOICES) ?? 1,
    promptTokens: shown === undefined ? promptTokensForHold(bodyBytes) : promptTokensOf(shown, bodyBytes),
    usesTools: isFilled(body.tools) || isFilled(body.functions),
    usesImages: shown !== undefined && shown.count > 0,
  };
  if (tokens !== undefined) request.maxOutputTokens = tokens;
  if (shown !== undefined && shown.closely + shown.pages > 0)
    request.media = { pictures: shown.closely, pages: shown.pages };
  const predicted = predictedTokens(body);
  if (predicted !== undefined) request.predictedTokens = predicted;
  return request;
}

function promptTokensOf({ chars, count, documentTokens, hasFilm }: Media, bodyBytes: number): number {
  const text = promptTokensForHold(bodyBytes - chars, count);
  return text + Math.min(documentTokens, MOST_DOCUMENT_TOKENS) + (hasFilm ? FILM_TOKENS : 0);
}

/** `stream_options` is only allowed with `stream: true`, as at OpenAI. Answers `include_usage`. */
export function readStreamOptions(body: JsonObject, stream: boolean): boolean {
  const options = body.stream_options;
  if (options === undefined || options === null) return false;
  if (!stream) throw invalid("stream_options", "only allowed when 'stream' is true");
  const include = asObject(options, "stream_options").include_usage;
  if (include !== undefined && include !== null && typeof include !== "boolean") {
    throw invalid("stream_options.include_usage", "must be a boolean");
  }
  return include === true;
}

/** How long the answer is that the client expects. */
function predictedTokens({ prediction }: JsonObject): number | undefined {
  if (prediction === undefined || prediction === null) return undefined;
  const { content } = asObject(prediction, "prediction");
  return promptTokensForHold(Buffer.byteLength(JSON.stringify(content ?? "")));
}

/** What a prompt shows beside its text. */
class Media {
  /** Images. */
  count = 0;
  /** Of these, how many a model may look at closely. */
  closely = 0;
  /** Characters of inline pictures and documents, which are not text tokens. */
  chars = 0;
  /** PDFs: their pages, and what they are held for. */
  pages = 0;
  documentTokens = 0;
  /** Of reading PDFs, all of them together; made for the first. */
  budget: PdfBudget | undefined;
  /** Something in it is as long as nobody here can tell. */
  hasFilm = false;
}

/** Undefined: all messages are plain texts. */
function scanMessages(body: JsonObject): Media | undefined {
  let shown: Media | undefined;
  const { messages } = body;
  if (messages === undefined || messages === null) requiredText(body, "messages");
  if (!Array.isArray(messages)) throw invalid("messages", "must be an array");
  if (messages.length === 0) throw invalid("messages", "must not be empty");
  for (let index = 0; index < messages.length; index += 1) {
    const message: unknown = messages[index];
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      throw invalid(`messages[${index}]`, "must be an object");
    }
    const { role, content } = message as { role?: unknown; content?: unknown }; // fields are checked right here
    if (typeof role !== "string" || !ROLES.has(role)) {
      throw invalid(`messages[${index}].role`, `must be one of ${[...ROLES].join(", ")}`);
    }
    if (typeof content === "string" || content === null || content === undefined) continue;
    if (!Array.isArray(content)) {
      throw invalid(`messages[${index}].content`, "must be a string or an array of parts");
    }
    shown ??= new Media();
    scanParts(content, index, shown);
  }
  return shown;
}

function scanParts(parts: readonly unknown[], message: number, shown: Media): void {
  for (let index = 0; index < parts.length; index += 1) {
    const part = parts[index];
    if (!isObject(part) || Array.isArray(part))
      throw invalid(placeOf(message, index), "must be a JSON object");
    if (typeof part.type !== "string") throw invalid(`${placeOf(message, index)}.type`, "must be a string");
    switch (part.type) {
      case "text":
        break;
      case "image_url":
        addPicture(part.image_url, `${placeOf(message, index)}.image_url`, shown);
        break;
      case "file":
        refuseKeptFile(part.file, `${placeOf(message, index)}.file`);
        shown.hasFilm ||= isFilm(part);
        addPdf(part.file, shown);
        break;
      default:
        shown.hasFilm ||= isFilm(part);
    }
  }
}

const placeOf = (message: number, part: number): string => `messages[${message}].content[${part}]`;

/** Its address alone, or with how closely it is to be looked at. */
function addPicture(source: unknown, path: string, shown: Media): void {
  const picture = typeof source === "string" ? undefined : asObject(source, path);
  const url = picture === undefined ? source : picture.url;
  if (typeof url !== "string") throw invalid(`${path}.url`, "must be a string");
  shown.count += 1;
  if (picture?.detail !== "low") shown.closely += 1;
  shown.chars += url.length;
}

/** A document's length has little to do with its bytes: it is packed, and read as pictures too. */
function addPdf(file: unknown, shown: Media): void {
  const data = isObject(file) ? file.file_data : undefined;
  if (typeof data !== "string") return;
  shown.budget ??= pdfBudget();
  const pdf = readPdf(data, shown.budget);
  if (pdf === undefined) return;
  shown.chars += data.length;
  shown.pages += pdf.pages;
  shown.documentTokens += pdf.tokens;
}

/** At a vendor files belong to the platform's key, and may be another client's. */
function refuseKeptFile(file: unknown, path: string): void {
  const id = isObject(file) ? file.file_id : undefined;
  if (id === undefined || id === null) return;
  const message = `'${path}.file_id' is not supported: files are not kept at vendors; send 'file_data'.`;
  throw new SluiceError("unsupported_parameter", message, { param: `${path}.file_id` });
}

/** A film however it comes, since a long one may be a small file; sound by its address. */
function isFilm({ type, file, input_audio: sound }: JsonObject): boolean {
  switch (type) {
    case "video_url":
    case "video":
      return true;
    case "file":
      return isObject(file) && /^data:video\//i.test(String(file.file_data).slice(0, 20));
    case "input_audio":
      return isObject(sound) && /^https?:/i.test(String(sound.data).slice(0, 10));
    default:
      return false;
  }
}

const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null;

const isFilled = (value: unknown): boolean => Array.isArray(value) && value.length > 0;
