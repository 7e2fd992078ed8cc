import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import { FILM_TOKENS } from "../../core/limits.ts";
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
  const images = scanMessages(body);
  const tokens =
    optionalInteger(body, "max_completion_tokens", 1, MOST_TOKENS) ??
    optionalInteger(body, "max_tokens", 1, MOST_TOKENS);
  const stream = body.stream === true;
  return {
    operation: "chat",
    model,
    stream,
    includeUsage: readStreamOptions(body, stream),
    body,
    ...(tokens === undefined ? {} : { maxOutputTokens: tokens }),
    choices: optionalInteger(body, "n", 1, MOST_CHOICES) ?? 1,
    promptTokens:
      promptTokensForHold(bodyBytes - images.chars, images.count) +
      Math.min(images.documentTokens, MOST_DOCUMENT_TOKENS) +
      (images.hasFilm ? FILM_TOKENS : 0),
    usesTools: isFilled(body.tools) || isFilled(body.functions),
    usesImages: images.count > 0,
    ...(images.closely + images.pages === 0
      ? {}
      : { media: { pictures: images.closely, pages: images.pages } }),
    ...predictedBy(body),
  };
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
function predictedBy({ prediction }: JsonObject): Pick<GenerationRequest, "predictedTokens"> {
  if (prediction === undefined || prediction === null) return {};
  const { content } = asObject(prediction, "prediction");
  return { predictedTokens: promptTokensForHold(Buffer.byteLength(JSON.stringify(content ?? ""))) };
}

interface Media {
  /** Images. */
  count: number;
  /** Of these, how many a model may look at closely. */
  closely: number;
  /** Characters of inline pictures and documents, which are not text tokens. */
  chars: number;
  /** PDFs: their pages, and what they are held for. */
  pages: number;
  documentTokens: number;
  readonly budget: PdfBudget;
  /** Something in it is as long as nobody here can tell. */
  hasFilm: boolean;
}

function scanMessages(body: JsonObject): Media {
  const images: Media = {
    count: 0,
    closely: 0,
    chars: 0,
    pages: 0,
    documentTokens: 0,
    budget: pdfBudget(),
    hasFilm: false,
  };
  const messages = body.messages;
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
    scanParts(content, `messages[${index}].content`, images);
  }
  return images;
}

function scanParts(parts: readonly unknown[], path: string, images: Media): void {
  for (let index = 0; index < parts.length; index += 1) {
    const part = asObject(parts[index], `${path}[${index}]`);
    if (typeof part.type !== "string") throw invalid(`${path}[${index}].type`, "must be a string");
    if (part.type === "file") refuseKeptFile(part.file, `${path}[${index}].file`);
    images.hasFilm ||= isFilm(part);
    if (part.type === "file") addPdf(part.file, images);
    if (part.type !== "image_url") continue;
    const source = part.image_url;
    const { url, detail } =
      typeof source === "string"
        ? { url: source, detail: undefined }
        : asObject(source, `${path}[${index}].image_url`);
    if (typeof url !== "string") throw invalid(`${path}[${index}].image_url.url`, "must be a string");
    images.count += 1;
    if (detail !== "low") images.closely += 1;
    images.chars += url.length;
  }
}

/** A document's length has little to do with its bytes: it is packed, and read as pictures too. */
function addPdf(file: unknown, images: Media): void {
  const data = isObject(file) ? file.file_data : undefined;
  if (typeof data !== "string") return;
  const pdf = readPdf(data, images.budget);
  if (pdf === undefined) return;
  images.chars += data.length;
  images.pages += pdf.pages;
  images.documentTokens += pdf.tokens;
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
