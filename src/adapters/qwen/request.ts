import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import type { Target } from "../adapter.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject, listOf, numberOf } from "../json.ts";
import {
  developerToSystem,
  functionsOf,
  joinTextParts,
  responseFormat,
  schemaIntoPrompt,
} from "../openai-family/messages.ts";
import { limitOutput, type RequestDraft } from "../openai-family/request-draft.ts";
import { isNewerLine, isOpenQwen3, onlyStreams } from "./models.ts";
import { shapeThinking, shareLimit } from "./thinking.ts";

/** Model Studio's chat and embeddings reference; a temperature of 2 itself is refused. */
const MAX_CHOICES = 4;
const MAX_TOP_LOGPROBS = 5;
/** In one call; what is more goes in several. */
export const MOST_EMBEDDED_TEXTS = 10;
const HIGHEST_TEMPERATURE = 1.99;

/**
 * Fields that Qwen knows; others may be refused with InternalError.Algo.InvalidParameter. Its own search (`enable_search`) is
 * paid by the call, for which no price is known: left out, and told.
 */
const CHAT_FIELDS: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "temperature",
  "top_p",
  "top_k",
  "max_tokens",
  "presence_penalty",
  "repetition_penalty",
  "n",
  "seed",
  "stop",
  "stream",
  "stream_options",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "response_format",
  "logprobs",
  "top_logprobs",
  "enable_thinking",
  "thinking_budget",
  "reasoning_effort",
  "vl_high_resolution_images",
  "modalities",
  "audio",
]);

const COMPLETION_FIELDS: ReadonlySet<string> = new Set([
  "model",
  "prompt",
  "suffix",
  "max_tokens",
  "temperature",
  "top_p",
  "stream",
  "stream_options",
  "stop",
  "seed",
  "presence_penalty",
]);

const EMBEDDING_FIELDS: ReadonlySet<string> = new Set(["model", "input", "dimensions", "encoding_format"]);

export function shape(draft: RequestDraft, request: GenerationRequest, target: Target): void {
  draft.removeNulls();
  if (request.operation === "embedding") {
    shapeEmbedding(draft);
    return;
  }
  const limit = limitOutput(draft, "max_tokens", { capped: target.cappedOutputTokens });
  shapeSampling(draft);
  if (request.operation === "completion") {
    draft.keepOnly(COMPLETION_FIELDS);
    return;
  }
  draft.keepOnly(CHAT_FIELDS);
  developerToSystem(draft);
  joinTextParts(draft);
  shapeTools(draft);
  shapeChoices(draft);
  if (!isNewerLine(target.model)) schemaIntoPrompt(draft);
  const thinks = shapeThinking(draft, target.model, responseFormat(draft) === "json_object");
  if (thinks && limit !== undefined) shareLimit(draft, limit);
  if (!request.stream && mustStream(draft, target.model, thinks)) draft.set("stream", true);
}

/** Whole answers with thinking are refused or cut: then the stream is read and put together here. */
const mustStream = (draft: RequestDraft, model: string, thinks: boolean): boolean =>
  onlyStreams(model) || (thinks && (isOpenQwen3(model) || draft.get("enable_thinking") === true));

function shapeSampling(draft: RequestDraft): void {
  const temperature = numberOf(draft.get("temperature"));
  // The range is half open; just below its end is as good.
  if (temperature !== undefined && temperature >= 2) draft.set("temperature", HIGHEST_TEMPERATURE);
  const topP = draft.get("top_p");
  if (topP === 1) draft.remove("top_p");
  else if (topP === 0) draft.drop("top_p");
  const topLogprobs = numberOf(draft.get("top_logprobs"));
  if (topLogprobs !== undefined && topLogprobs > MAX_TOP_LOGPROBS) {
    draft.note("top_logprobs");
    draft.set("top_logprobs", MAX_TOP_LOGPROBS);
  }
}

function shapeTools(draft: RequestDraft): void {
  if (functionsOf(draft).some((called) => called.name === "search")) {
    throw new SluiceError("unsupported_parameter", "Qwen refuses a function named «search».", {
      param: "tools",
    });
  }
  const choice = draft.get("tool_choice");
  if (choice === "required" || (isObject(choice) && choice.type !== "function")) {
    draft.set("tool_choice", "auto");
    draft.note(choice === "required" ? "tool_choice.required" : "tool_choice");
  }
}

function shapeChoices(draft: RequestDraft): void {
  const choices = numberOf(draft.get("n")) ?? 1;
  if (choices > MAX_CHOICES) {
    throw new SluiceError("unsupported_parameter", `Qwen gives at most ${MAX_CHOICES} answers at once.`, {
      param: "n",
    });
  }
  if (choices > 1 && listOf(draft.get("tools")).length > 0) draft.drop("n");
}

function shapeEmbedding(draft: RequestDraft): void {
  draft.keepOnly(EMBEDDING_FIELDS);
  const texts = listOf(draft.get("input"));
  if (texts.some((text) => typeof text !== "string")) {
    throw unsupported("input", "Qwen embeds texts: tokens of another vendor's mean nothing to it.");
  }
  if (texts.length > MOST_EMBEDDED_TEXTS) {
    throw unsupported("input", `Qwen embeds at most ${MOST_EMBEDDED_TEXTS} texts at once.`);
  }
  // It answers in numbers; they are encoded afterwards if the client asked for that.
  draft.set("encoding_format", "float");
}
