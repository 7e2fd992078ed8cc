import type { GenerationRequest } from "../../core/generation.ts";
import { asBody, checkFields, type FieldType, invalid, requiredText } from "./fields.ts";
import { promptTokensForHold } from "./prompt-tokens.ts";

const FIELDS: Readonly<Record<string, FieldType>> = {
  encoding_format: "string",
  dimensions: "integer",
  user: "string",
};

/** OpenAI's bound on inputs in one call. */
const MOST_INPUTS = 2_048;

/** Reads an embeddings body. Throws SluiceError `invalid_request` with the field in `param`. */
export function parseEmbedding(value: unknown, bodyBytes: number): GenerationRequest {
  const body = asBody(value);
  const model = requiredText(body, "model");
  checkFields(body, FIELDS);
  const { input } = body;
  if (input === undefined || input === null) throw invalid("input", "is required");
  const isList = Array.isArray(input);
  if (typeof input !== "string" && !isList) throw invalid("input", "must be a string or an array");
  if (isList && (input.length === 0 || input.length > MOST_INPUTS)) {
    throw invalid("input", `must hold 1 to ${MOST_INPUTS} items`);
  }
  const format = body.encoding_format;
  if (typeof format === "string" && format !== "float" && format !== "base64") {
    throw invalid("encoding_format", "must be 'float' or 'base64'");
  }
  return {
    operation: "embedding",
    model,
    stream: false,
    includeUsage: false,
    body,
    maxOutputTokens: 0,
    choices: 1,
    promptTokens: promptTokensForHold(bodyBytes),
    usesTools: false,
    usesImages: false,
  };
}
