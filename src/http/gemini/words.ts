import { ownOf } from "../../core/own-of.ts";
import { rewordedError } from "../reworded-error.ts";

/** Chat's fields, and those of OpenAI's embeddings, by the names that they have here. */
const HERE: Readonly<Record<string, string>> = {
  messages: "contents",
  max_tokens: "generationConfig.maxOutputTokens",
  max_completion_tokens: "generationConfig.maxOutputTokens",
  temperature: "generationConfig.temperature",
  top_p: "generationConfig.topP",
  top_k: "generationConfig.topK",
  n: "generationConfig.candidateCount",
  stop: "generationConfig.stopSequences",
  seed: "generationConfig.seed",
  presence_penalty: "generationConfig.presencePenalty",
  frequency_penalty: "generationConfig.frequencyPenalty",
  logprobs: "generationConfig.responseLogprobs",
  top_logprobs: "generationConfig.logprobs",
  response_format: "generationConfig.responseMimeType",
  reasoning_effort: "generationConfig.thinkingConfig",
  tool_choice: "toolConfig.functionCallingConfig",
  dimensions: "outputDimensionality",
  input: "content",
};

/** Parts that were given up of fields that they are parts of here, too. */
const EXACT: Readonly<Record<string, string>> = {
  "tool_choice.required": "toolConfig.functionCallingConfig.mode.ANY",
  "tool_choice.function": "toolConfig.functionCallingConfig.allowedFunctionNames",
  "response_format.json_schema": "generationConfig.responseSchema",
  "messages.reasoning_content": "contents.parts.thought",
  "messages.extra_content": "contents.parts.thoughtSignature",
};

/** A field of the chat, or a part of one, as the client called it. Places among the messages are none of its own. */
export function wordHere(field: string): string {
  const exact = ownOf(EXACT, field);
  if (exact !== undefined) return exact;
  const [name = ""] = field.split(/[.[]/);
  const here = ownOf(HERE, name);
  return here ?? field.replace("tools.function.", "tools.functionDeclarations.");
}

/** The same error, in this dialect's words. */
export const errorHere = (thrown: unknown): unknown => rewordedError(thrown, wordHere);
