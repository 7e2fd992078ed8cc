import type { JsonObject } from "../../core/generation.ts";
import { ownOf } from "../../core/own-of.ts";
import { isObject, listOf, numberOf, textOf } from "../json.ts";

/** Schemas may refer to themselves; deeper than this only what is required is filled in, and soon nothing. */
const FULL_DEPTH = 4;
const MAX_DEPTH = 10;

/** A value that fits a JSON schema: always the same for the same schema. */
export function sampleOf(schema: unknown): unknown {
  return sample(schema, isObject(schema) ? schema : {}, 0);
}

function sample(given: unknown, root: JsonObject, depth: number): unknown {
  if (depth > MAX_DEPTH) return null;
  if (!isObject(given)) return "sandbox";
  const schema = resolved(given, root);
  if (schema.const !== undefined) return schema.const;
  for (const listed of [listOf(schema.enum), listOf(schema.examples)]) {
    if (listed.length > 0) return listed[0];
  }
  if (schema.default !== undefined) return schema.default;
  const alternatives = [...listOf(schema.anyOf), ...listOf(schema.oneOf)];
  if (alternatives.length > 0) return sample(simplest(alternatives, depth), root, depth + 1);
  switch (typeOf(schema)) {
    case "object":
      return sampleObject(schema, root, depth);
    case "array":
      return sampleArray(schema, root, depth);
    case "integer":
      return sampleNumber(schema, true);
    case "number":
      return sampleNumber(schema, false);
    case "boolean":
      return true;
    case "null":
      return null;
    default:
      return sampleText(schema);
  }
}

/** The schema that a `$ref` points to, with `allOf` folded in. */
function resolved(schema: JsonObject, root: JsonObject): JsonObject {
  const parts = [schema, referred(schema.$ref, root), ...listOf(schema.allOf)].filter(isObject);
  if (parts.length === 1) return schema;
  const { $ref: _, allOf: __, ...own } = schema;
  const merged: Record<string, unknown> = { ...own };
  for (const part of parts.slice(1)) {
    const { properties, required, ...rest } = "$ref" in part ? resolved(part, root) : part;
    Object.assign(merged, rest);
    if (isObject(properties))
      merged.properties = { ...(isObject(merged.properties) ? merged.properties : {}), ...properties };
    if (Array.isArray(required)) merged.required = [...listOf(merged.required), ...required];
  }
  return merged;
}

function referred(pointer: unknown, root: JsonObject): unknown {
  const path = textOf(pointer);
  if (path === undefined || !path.startsWith("#")) return undefined;
  let found: unknown = root;
  for (const step of path.slice(2).split("/")) {
    if (step === "") continue;
    found = isObject(found) ? found[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return found;
}

/** The first alternative; deep down the one that ends soonest. */
function simplest(alternatives: readonly unknown[], depth: number): unknown {
  const plain = alternatives.find(
    (each) => isObject(each) && each.$ref === undefined && typeOf(each) !== "object",
  );
  return depth >= FULL_DEPTH && plain !== undefined ? plain : alternatives[0];
}

function typeOf(schema: JsonObject): string | undefined {
  const named = Array.isArray(schema.type)
    ? listOf(schema.type).find((type) => type !== "null")
    : schema.type;
  if (typeof named === "string") return named;
  if (isObject(schema.properties)) return "object";
  return schema.items === undefined ? undefined : "array";
}

function sampleObject(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = listOf(schema.required);
  const filled: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties)) {
    if (depth < FULL_DEPTH || required.includes(name)) filled[name] = sample(property, root, depth + 1);
  }
  for (const name of required) {
    if (typeof name === "string" && !(name in filled)) filled[name] = "sandbox";
  }
  return filled;
}

function sampleArray(schema: JsonObject, root: JsonObject, depth: number): readonly unknown[] {
  const prefix = listOf(schema.prefixItems).map((item) => sample(item, root, depth + 1));
  const least = numberOf(schema.minItems) ?? (depth < FULL_DEPTH ? 1 : 0);
  const wanted = Math.min(Math.max(prefix.length, least), numberOf(schema.maxItems) ?? Infinity);
  const item = schema.items ?? { type: "string" };
  while (prefix.length < wanted) prefix.push(sample(item, root, depth + 1));
  return prefix;
}

function sampleNumber(schema: JsonObject, isInteger: boolean): number {
  const step = numberOf(schema.multipleOf) ?? (isInteger ? 1 : 0);
  const above = numberOf(schema.exclusiveMinimum);
  const below = numberOf(schema.exclusiveMaximum);
  const margin = step > 0 ? step : 0.5;
  const least = Math.max(
    numberOf(schema.minimum) ?? -Infinity,
    above === undefined ? -Infinity : above + margin,
  );
  const most = Math.min(
    numberOf(schema.maximum) ?? Infinity,
    below === undefined ? Infinity : below - margin,
  );
  const value = Math.min(Math.max(1, least), most);
  if (step === 0) return value;
  const aligned = Math.ceil(value / step) * step;
  return aligned > most ? Math.floor(most / step) * step : aligned;
}

const FORMATS: Readonly<Record<string, string>> = {
  date: "2026-01-01",
  time: "12:00:00Z",
  "date-time": "2026-01-01T12:00:00Z",
  duration: "PT1S",
  email: "sandbox@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/",
  url: "https://example.com/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

/** Tried against a `pattern`, since a regular expression cannot be run backwards here. */
const PATTERN_TRIES = [
  "sandbox",
  "Sandbox",
  "SANDBOX",
  "a",
  "A",
  "1",
  "12",
  "123",
  "1234",
  "12345",
  "AB",
  "ABC",
  "2026-01-01",
  "#000000",
  "1.0.0",
];

function sampleText(schema: JsonObject): string {
  const pattern = textOf(schema.pattern);
  const fitting = pattern === undefined ? undefined : PATTERN_TRIES.find((text) => fits(text, pattern));
  const text = ownOf(FORMATS, textOf(schema.format)) ?? fitting ?? "sandbox";
  return text.padEnd(numberOf(schema.minLength) ?? 0, "x").slice(0, numberOf(schema.maxLength) ?? 1_000);
}

function fits(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return false; // not a pattern that this engine knows: nothing can be promised then
  }
}
