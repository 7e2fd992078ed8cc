import type { GenerationRequest } from "../../core/generation.ts";
import { asBody, checkFields, type FieldType, invalid, requiredText } from "./fields.ts";
import { promptTokensForHold } from "./prompt-tokens.ts";

const FIELDS: Readonly<Record<string, FieldType>> = {
  input: "string",
  instructions: "string",
  response_format: "string",
  speed: "number",
  stream_format: "string",
};

/** OpenAI's bounds. */
const MOST_CHARS = 4_096;
const SLOWEST = 0.25;
const FASTEST = 4;

/**
 * Tokens of speech for a byte of text, at most: a token is 50 ms at OpenAI, and people speak about 14 bytes a second in
 * any language (English 15 letters, Chinese 4.5 signs of 3 bytes), which is 1.4; twice that for pauses and slow voices.
 */
const MOST_TOKENS_A_BYTE = 3;
/** Before and after the words. */
const SILENCE_TOKENS = 100;

/** Reads a speech body. Its answer always comes as a stream. Throws SluiceError `invalid_request` with the field in `param`. */
export function parseSpeech(value: unknown): GenerationRequest {
  const body = asBody(value);
  const model = requiredText(body, "model");
  const input = requiredText(body, "input");
  checkFields(body, FIELDS);
  // Nothing is counted one by one that is too long in any case: a sign has two units at most.
  const characters = input.length > 2 * MOST_CHARS ? input.length : [...input].length;
  if (characters > MOST_CHARS) throw invalid("input", `must be at most ${MOST_CHARS} characters`);
  if (!isVoice(body.voice)) throw invalid("voice", "is required");
  const { speed = 1, stream_format } = body;
  if (typeof speed === "number" && (speed < SLOWEST || speed > FASTEST)) {
    throw invalid("speed", `must be from ${SLOWEST} to ${FASTEST}`);
  }
  if (
    stream_format !== undefined &&
    stream_format !== null &&
    stream_format !== "audio" &&
    stream_format !== "sse"
  ) {
    throw invalid("stream_format", "must be 'audio' or 'sse'");
  }
  const bytes = Buffer.byteLength(input);
  const instructions = typeof body.instructions === "string" ? Buffer.byteLength(body.instructions) : 0;
  const pace = Math.min(1, typeof speed === "number" ? speed : 1);
  return {
    operation: "speech",
    model,
    stream: true,
    includeUsage: false,
    body,
    maxOutputTokens: Math.ceil((bytes * MOST_TOKENS_A_BYTE) / pace) + SILENCE_TOKENS,
    choices: 1,
    promptTokens: promptTokensForHold(bytes + instructions),
    characters,
    usesTools: false,
    usesImages: false,
  };
}

/** A name, or `{id}` of a voice of one's own. */
const isVoice = (voice: unknown): boolean =>
  (typeof voice === "string" && voice !== "") || (typeof voice === "object" && voice !== null);
