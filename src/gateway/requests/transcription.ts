import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { SoundFile } from "../../core/sound.ts";
import { HEARD_TOKENS_A_SECOND } from "../estimate-units.ts";
import { asBody, checkFields, type FieldType, invalid, requiredText } from "./fields.ts";
import { promptTokensForHold } from "./prompt-tokens.ts";
import { soundLength } from "./sound-length.ts";

const FIELDS: Readonly<Record<string, FieldType>> = {
  language: "string",
  prompt: "string",
  response_format: "string",
  temperature: "number",
  stream: "boolean",
};

/** What answers can be shown in. */
const TRANSCRIPT_FORMATS = ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] as const;

export interface UploadedSound {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads a form of `/v1/audio/transcriptions` or `/v1/audio/translations`, its fields as a body.
 * Throws SluiceError `invalid_request` with the field in `param`.
 */
export function parseTranscription(
  value: JsonObject,
  operation: "transcription" | "translation",
  file: UploadedSound | undefined,
): GenerationRequest {
  const body = asBody(value);
  const model = requiredText(body, "model");
  checkFields(body, FIELDS);
  if (file === undefined || file.bytes.byteLength === 0) throw invalid("file", "is required");
  const format = body.response_format ?? "json";
  const isTranslation = operation === "translation";
  const known = TRANSCRIPT_FORMATS.filter((name) => !isTranslation || name !== "diarized_json");
  if (!known.some((name) => name === format)) {
    throw invalid("response_format", `must be ${known.map((name) => `'${name}'`).join(", ")}`);
  }
  const stream = body.stream === true && !isTranslation;
  if (stream && format !== "json" && format !== "text" && format !== "diarized_json") {
    throw invalid("response_format", "must be 'json', 'text' or 'diarized_json' for a stream");
  }
  const sound: SoundFile = { ...file, ...soundLength(file.bytes) };
  const words = typeof body.prompt === "string" ? Buffer.byteLength(body.prompt) : 0;
  return {
    operation,
    model,
    stream,
    includeUsage: false,
    body,
    choices: 1,
    promptTokens: promptTokensForHold(words) + sound.mostSeconds * HEARD_TOKENS_A_SECOND,
    sound,
    usesTools: false,
    usesImages: false,
  };
}
