import type { GenerationRequest } from "../../core/generation.ts";
import { readStreamOptions } from "./chat.ts";
import { asBody, checkFields, type FieldType, invalid, optionalInteger, requiredText } from "./fields.ts";
import { promptTokensForHold } from "./prompt-tokens.ts";

const FIELDS: Readonly<Record<string, FieldType>> = {
  stream: "boolean",
  stream_options: "object",
  temperature: "number",
  top_p: "number",
  frequency_penalty: "number",
  presence_penalty: "number",
  stop: "stop",
  seed: "integer",
  suffix: "string",
  echo: "boolean",
  logprobs: "integer",
  user: "string",
};

/** OpenAI's default for legacy completions when `max_tokens` is absent. */
const DEFAULT_COMPLETION_TOKENS = 16;

/** Reads a legacy completions body. Throws SluiceError `invalid_request` with the field in `param`. */
export function parseCompletion(value: unknown, bodyBytes: number): GenerationRequest {
  const body = asBody(value);
  const model = requiredText(body, "model");
  checkFields(body, FIELDS);
  const prompts = countPrompts(body.prompt);
  const choices = optionalInteger(body, "n", 1, 128) ?? 1;
  const bestOf = optionalInteger(body, "best_of", 1, 20) ?? 1;
  const stream = body.stream === true;
  const asked = optionalInteger(body, "max_tokens", 1, 10_000_000);
  return {
    operation: "completion",
    model,
    stream,
    includeUsage: readStreamOptions(body, stream),
    // Said aloud: other vendors have other defaults, and what is held for must be what they may write.
    body: asked === undefined ? { ...body, max_tokens: DEFAULT_COMPLETION_TOKENS } : body,
    maxOutputTokens: asked ?? DEFAULT_COMPLETION_TOKENS,
    choices: prompts * Math.max(choices, bestOf),
    promptTokens: promptTokensForHold(bodyBytes),
    usesTools: false,
    usesImages: false,
  };
}

/** A string or one list of token ids is one prompt; a list of strings or of lists is several. */
function countPrompts(prompt: unknown): number {
  if (prompt === undefined || prompt === null) throw invalid("prompt", "is required");
  if (typeof prompt === "string") return 1;
  if (!Array.isArray(prompt) || prompt.length === 0) {
    throw invalid("prompt", "must be a string, an array of strings or token ids");
  }
  return typeof prompt[0] === "number" ? 1 : prompt.length;
}
