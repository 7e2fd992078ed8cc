import type { JsonObject } from "../../core/generation.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { camelName } from "./plain-body.ts";

/** Keywords that say the same in JSON Schema. */
const SAME = new Set([
  ...["title", "description", "enum", "default", "required", "pattern", "minimum", "maximum"],
  ...["additionalProperties", "$ref", "$defs"],
]);

/** Counts, which Google writes as texts as well (they are `int64`). */
const COUNTS = new Set(["minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"]);

/**
 * Gemini's `Schema` (OpenAPI's, with types in capitals) as a JSON schema. What JSON Schema has no word for, such as the
 * order of properties, is left out.
 */
export function jsonSchemaOf(schema: JsonObject): JsonObject {
  const plain: Record<string, unknown> = {};
  const isNullable = schema.nullable === true;
  for (const [given, value] of Object.entries(schema)) {
    const name = camelName(given);
    if (value === null || value === undefined) continue;
    if (name === "type") plain.type = typeOf(value, isNullable);
    else if (name === "properties") plain.properties = propertiesOf(value);
    else if (name === "items") plain.items = jsonSchemaOf(objectIn(value) ?? {});
    else if (name === "anyOf" || name === "prefixItems") plain[name] = listIn(value).map(memberOf);
    else if (name === "format" && value !== "enum") plain.format = value;
    else if (COUNTS.has(name)) plain[name] = Number(value);
    else if (SAME.has(name)) plain[name] = value;
  }
  if (plain.type === undefined) delete plain.type;
  return plain;
}

const memberOf = (member: unknown): JsonObject => jsonSchemaOf(objectIn(member) ?? {});

const propertiesOf = (value: unknown): JsonObject =>
  Object.fromEntries(Object.entries(objectIn(value) ?? {}).map(([name, one]) => [name, memberOf(one)]));

function typeOf(value: unknown, isNullable: boolean): unknown {
  if (Array.isArray(value)) return value;
  const type = String(value).toLowerCase();
  if (type === "type_unspecified") return undefined;
  return isNullable ? [type, "null"] : type;
}
