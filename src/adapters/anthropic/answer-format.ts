import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf } from "../json.ts";
import type { RequestDraft } from "../openai-family/request-draft.ts";
import type { Traits } from "./models.ts";

export interface AnswerFormat {
  /** For `output_config.format`. */
  readonly format: JsonObject | undefined;
  /** The same wish in words, where there is no field for it. */
  readonly instruction: string | undefined;
}

/** `response_format` in Anthropic's terms: a schema where the model takes one, else words, and that is told. */
export function shapeAnswerFormat(draft: RequestDraft, traits: Traits): AnswerFormat {
  const wanted = draft.get("response_format");
  draft.remove("response_format");
  if (!isObject(wanted) || wanted.type === "text") return { format: undefined, instruction: undefined };
  const schema = isObject(wanted.json_schema) ? wanted.json_schema.schema : undefined;
  if (wanted.type === "json_schema" && isObject(schema) && traits.takesSchemas) {
    return { format: { type: "json_schema", schema: closed(schema) }, instruction: undefined };
  }
  draft.note(`response_format.${wanted.type === "json_schema" ? "json_schema" : "json_object"}`);
  const demand = "Answer with one JSON object and nothing else.";
  const instruction =
    schema === undefined
      ? demand
      : `${demand} It must be valid against this JSON schema:\n${JSON.stringify(schema)}`;
  return { format: undefined, instruction };
}

const SCHEMA_MAPS = ["properties", "$defs", "definitions"];
const SCHEMA_LISTS = ["anyOf", "oneOf", "allOf"];

/**
 * The schema with every object that leaves it open closed to further properties: Anthropic refuses open ones, and
 * what is valid against the closed schema is valid against the open one.
 */
function closed(schema: JsonObject): JsonObject {
  const shut: Record<string, unknown> = { ...schema };
  for (const name of SCHEMA_MAPS) {
    const map = schema[name];
    if (!isObject(map)) continue;
    shut[name] = Object.fromEntries(Object.entries(map).map(([key, value]) => [key, closedIfSchema(value)]));
  }
  for (const name of SCHEMA_LISTS) {
    if (schema[name] !== undefined) shut[name] = listOf(schema[name]).map(closedIfSchema);
  }
  if (schema.items !== undefined) shut.items = closedIfSchema(schema.items);
  const isOpenObject = schema.type === "object" || (schema.type === undefined && isObject(schema.properties));
  if (isOpenObject && schema.additionalProperties === undefined) shut.additionalProperties = false;
  return shut;
}

const closedIfSchema = (value: unknown): unknown => (isObject(value) ? closed(value) : value);
