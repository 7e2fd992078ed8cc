import type { JsonObject } from "../../core/generation.ts";
import { asObject, checkFields, type FieldType, invalid } from "../../gateway/requests/fields.ts";
import { effortOfBudget } from "../anthropic/thinking.ts";
import type { Losses } from "../losses.ts";
import { listIn } from "../openai/responses/chat-pieces.ts";
import { unsupported } from "../openai/responses/unsupported.ts";
import { jsonSchemaOf } from "./schema.ts";

const TYPES: Readonly<Record<string, FieldType>> = {
  temperature: "number",
  topP: "number",
  topK: "number",
  candidateCount: "integer",
  maxOutputTokens: "integer",
  stopSequences: "array",
  seed: "integer",
  presencePenalty: "number",
  frequencyPenalty: "number",
  responseLogprobs: "boolean",
  logprobs: "integer",
  responseMimeType: "string",
  responseModalities: "array",
  responseSchema: "object",
  thinkingConfig: "object",
};

/** Said in the chat as well. */
const IN_CHAT = new Set([...Object.keys(TYPES), "responseJsonSchema", "_responseJsonSchema"]);

/**
 * `generationConfig` as fields of a chat; undefined ones were not asked for.
 * @throws SluiceError naming the field that cannot be read or done
 */
export function configFields(config: JsonObject, losses: Losses): JsonObject {
  checkTypes(config);
  for (const name of Object.keys(config)) if (!IN_CHAT.has(name)) losses.drop(`generationConfig.${name}`);
  const modalities = listIn(config.responseModalities);
  if (modalities.some((modality) => String(modality).toUpperCase() !== "TEXT")) {
    throw unsupported("generationConfig.responseModalities", "answers are text here");
  }
  const stops = listIn(config.stopSequences);
  return {
    max_tokens: config.maxOutputTokens,
    temperature: config.temperature,
    top_p: config.topP,
    top_k: config.topK,
    n: config.candidateCount,
    stop: stops.length > 0 ? stops : undefined,
    seed: config.seed,
    presence_penalty: config.presencePenalty,
    frequency_penalty: config.frequencyPenalty,
    ...(config.responseLogprobs === true ? { logprobs: true, top_logprobs: config.logprobs } : {}),
    response_format: formatOf(config, losses),
    reasoning_effort: effortOf(config.thinkingConfig),
  };
}

function checkTypes(config: JsonObject): void {
  const named = (types: Readonly<Record<string, FieldType>>) =>
    Object.fromEntries(Object.entries(types).map(([name, type]) => [`generationConfig.${name}`, type]));
  const fields = Object.fromEntries(
    Object.entries(config).map(([name, value]) => [`generationConfig.${name}`, value]),
  );
  checkFields(fields, named(TYPES));
}

/** The form that the answer has to keep to. */
function formatOf(config: JsonObject, losses: Losses): JsonObject | undefined {
  switch (config.responseMimeType) {
    case undefined:
    case "text/plain":
      return undefined;
    case "application/json":
      break;
    default:
      losses.needOwn("generationConfig.responseMimeType", "no other form than JSON is known elsewhere");
      return undefined;
  }
  const path = "generationConfig.responseJsonSchema";
  const given = config.responseJsonSchema ?? config._responseJsonSchema;
  const schema =
    given === undefined
      ? config.responseSchema &&
        jsonSchemaOf(asObject(config.responseSchema, "generationConfig.responseSchema"))
      : asObject(given, path);
  if (schema === undefined) return { type: "json_object" };
  return { type: "json_schema", json_schema: { name: "answer", schema } };
}

/** How much the model is to think; undefined: as the vendor has it, which a budget of -1 says too. */
function effortOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const { thinkingLevel, thinkingBudget } = asObject(value, "generationConfig.thinkingConfig");
  if (typeof thinkingLevel === "string") {
    const level = thinkingLevel.toLowerCase();
    return level === "thinking_level_unspecified" ? undefined : level;
  }
  if (thinkingBudget === undefined || thinkingBudget === -1) return undefined;
  if (typeof thinkingBudget !== "number" || !Number.isInteger(thinkingBudget) || thinkingBudget < 0) {
    throw invalid("generationConfig.thinkingConfig.thinkingBudget", "must be an integer from -1");
  }
  return thinkingBudget === 0 ? "none" : effortOfBudget(thinkingBudget);
}
