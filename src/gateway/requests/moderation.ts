import type { GenerationRequest } from "../../core/generation.ts";
import { IMAGE_TOKENS } from "../../core/limits.ts";
import { asBody, invalid, requiredText } from "./fields.ts";
import { promptTokensForHold } from "./prompt-tokens.ts";

/** More than anybody sends; OpenAI names no bound. */
const MOST_INPUTS = 2_048;

/** OpenAI chooses this one where none is named; here a model is what says who serves and at what price. */
const USUAL_MODEL = "omni-moderation-latest";

/** Reads a moderations body. Throws SluiceError `invalid_request` with the field in `param`. */
export function parseModeration(value: unknown, bodyBytes: number): GenerationRequest {
  const given = asBody(value);
  const body = given.model === undefined || given.model === null ? { ...given, model: USUAL_MODEL } : given;
  const { input } = body;
  if (input === undefined || input === null) throw invalid("input", "is required");
  const isList = Array.isArray(input);
  if (typeof input !== "string" && !isList) throw invalid("input", "must be a string or an array");
  if (isList && (input.length === 0 || input.length > MOST_INPUTS)) {
    throw invalid("input", `must have 1 to ${MOST_INPUTS} entries`);
  }
  const images = isList ? input.filter(isImage).length : 0;
  return {
    operation: "moderation",
    model: requiredText(body, "model"),
    stream: false,
    includeUsage: false,
    body,
    maxOutputTokens: 0,
    choices: 1,
    promptTokens: promptTokensForHold(bodyBytes) + images * IMAGE_TOKENS,
    usesTools: false,
    usesImages: images > 0,
  };
}

const isImage = (part: unknown): boolean =>
  typeof part === "object" && part !== null && "type" in part && part.type === "image_url";
