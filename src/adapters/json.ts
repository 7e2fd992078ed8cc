import type { JsonObject } from "../core/generation.ts";
import { excessOfText } from "../core/nesting.ts";

/** Reading JSON that nobody vouches for: every step says what it expects and goes on without it. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const objectOf = (value: unknown): JsonObject | undefined => (isObject(value) ? value : undefined);

/** An array's items; nothing for anything else. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A string that says something; undefined for anything else, the empty string included. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

export const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

/** What a client wrote as a text within its body, such as the arguments of a call; undefined when it is beyond measure, too. */
export const parseGivenJson = (text: string): unknown =>
  excessOfText(text) === undefined ? parseJson(text) : undefined;

/** The parsed value; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}
