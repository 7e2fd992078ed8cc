import type { JsonObject } from "../../core/generation.ts";
import { invalid } from "../../gateway/requests/fields.ts";

/** Fields that hold a client's own JSON or a schema: their names are nobody's to change. */
const OPAQUE = new Set([
  ...["args", "response", "labels", "partMetadata", "parameters", "parametersJsonSchema"],
  ...["responseSchema", "responseJsonSchema", "_responseJsonSchema"],
]);

/** Repeated fields, for which Google takes a single one as well. */
const LISTS = new Set([
  ...["contents", "parts", "tools", "functionDeclarations", "allowedFunctionNames"],
  ...["stopSequences", "safetySettings", "responseModalities", "requests"],
]);

const SNAKE = /^[a-z]+(?:_[a-z0-9]+)+$/;

/** `max_output_tokens` is `maxOutputTokens`: Google takes both. */
export const camelName = (name: string): string =>
  SNAKE.test(name) ? name.replaceAll(/_([a-z0-9])/g, (_, first: string) => first.toUpperCase()) : name;

/**
 * A body of Gemini's in one spelling, so that nobody behind has to know of the other: names in camel case, lists as
 * lists, and nothing that is null.
 * @throws SluiceError `invalid_request` for a field that stands there twice
 */
export function plainBody(body: JsonObject): JsonObject {
  const plain: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(body)) {
    // As a field it would be set as what it is called: what is read would not be what is sent.
    if (given === "__proto__") throw invalid(given, "is no field");
    if (value === null || value === undefined) continue;
    const name = camelName(given);
    if (Object.hasOwn(plain, name)) throw invalid(name, "is there twice");
    plain[name] = plainField(name, value);
  }
  return plain;
}

function plainField(name: string, value: unknown): unknown {
  if (OPAQUE.has(name)) return value;
  if (LISTS.has(name)) return (Array.isArray(value) ? value : [value]).map(plainValue);
  return plainValue(value);
}

function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue);
  if (typeof value !== "object" || value === null) return value;
  return plainBody(value as JsonObject); // a non-null object that is no array
}
