import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { JSON_LEVELS } from "../../core/limits.ts";
import { TOO_DEEP } from "../../core/nesting.ts";
import { ownOf } from "../../core/own-of.ts";

/** The types of request fields that are checked here rather than by whichever vendor happens to serve. */
export type FieldType = "string" | "number" | "integer" | "boolean" | "array" | "object" | "stop";

/** Throws `invalid_request` naming the first field whose type is wrong. Null counts as absent, as OpenAI has it. */
export function checkFields(body: JsonObject, types: Readonly<Record<string, FieldType>>): void {
  for (const name in body) {
    const type = ownOf(types, name);
    const value = body[name];
    if (type === undefined || value === null || value === undefined) continue;
    if (!isOfType(value, type)) throw invalid(name, `must be ${WORDS[type]}`);
  }
}

/** An `invalid_request` of one field; `problem` goes on after its name: `must be a string`. */
export function invalid(param: string, problem: string): SluiceError {
  return new SluiceError("invalid_request", `Invalid '${param}': ${problem}.`, { param });
}

/** @throws SluiceError `invalid_request` when it is no JSON object */
export function asObject(value: unknown, param: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(param, "must be a JSON object");
  }
  return value as JsonObject; // checked above: a non-null object that is no array
}

/**
 * A request's body as an object of bearable depth. Deeper ones would overflow the stack of whoever writes them
 * out again, which costs half a second each: refused here, they cost nothing.
 */
export function asBody(value: unknown, param?: string): JsonObject {
  const body = asObject(value, param ?? "body");
  if (!isNestedWithin(body, JSON_LEVELS)) throw excessive(TOO_DEEP, param);
  return body;
}

/** A body that nobody can mean. */
export const excessive = (excess: string, param?: string): SluiceError =>
  new SluiceError("invalid_request", `The body is ${excess}.`, param === undefined ? {} : { param });

function isNestedWithin(value: object, levels: number): boolean {
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const part of value) if (isObject(part) && !isNestedWithin(part, levels - 1)) return false;
    return true;
  }
  // It came out of JSON: whatever is in it is its own.
  const parts = value as Readonly<Record<string, unknown>>;
  for (const name in parts) {
    const part = parts[name];
    if (isObject(part) && !isNestedWithin(part, levels - 1)) return false;
  }
  return true;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** @throws SluiceError `invalid_request` when it is missing, empty, or no string */
export function requiredText(body: JsonObject, param: string): string {
  const value = body[param];
  if (value === undefined || value === null) {
    throw new SluiceError("invalid_request", `Missing required parameter: '${param}'.`, { param });
  }
  if (typeof value !== "string" || value === "") throw invalid(param, "must be a non-empty string");
  return value;
}

/** A whole number within bounds, or undefined when absent. */
export function optionalInteger(
  body: JsonObject,
  param: string,
  least: number,
  most: number,
): number | undefined {
  const value = body[param];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
    throw invalid(param, `must be an integer from ${least} to ${most}`);
  }
  return value;
}

const WORDS: Readonly<Record<FieldType, string>> = {
  string: "a string",
  number: "a number",
  integer: "an integer",
  boolean: "a boolean",
  array: "an array",
  object: "an object",
  stop: "a string or an array of strings",
};

function isOfType(value: unknown, type: FieldType): boolean {
  switch (type) {
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && !Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    // 1e400 is JSON, and nothing that could be sent on.
    case "number":
      return Number.isFinite(value);
    case "stop":
      return (
        typeof value === "string" || (Array.isArray(value) && value.every((item) => typeof item === "string"))
      );
    default:
      return typeof value === type;
  }
}
