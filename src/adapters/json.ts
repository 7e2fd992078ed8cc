import type { JsonObject } from "../core/generation.ts";
import { excessOfText } from "../core/nesting.ts";

/** Reading JSON that nobody vouches for: every step says what it expects and goes on without it. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const objectOf = (value: unknown): JsonObject | undefined => (isObject(value) ? value : undefined);

/** An array's items; nothing for anything else. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : NOTHING);

/** One for all: most of what is looked for in a chunk is not there. */
const NOTHING: readonly unknown[] = Object.freeze([]);

/** A string that says something; undefined for anything else, the empty string included. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

export const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

/** What a client wrote as a text within its body, such as the arguments of a call; undefined when it is beyond measure, too. */
export const parseGivenJson = (text: string): unknown =>
  excessOfText(text) === undefined ? parseJson(text) : undefined;

/** Shorter texts cost nothing to write out again, however deep they are. */
const LOOKED_AT_CHARS = 8 * 1024;
/** Nobody answers so deep, and what is several times deeper holds up everybody for seconds, or ends the stack. */
const MOST_LEVELS = 4_000;

/** The parsed value; undefined when it is not JSON, or is nested beyond measure. */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return text.length <= LOOKED_AT_CHARS || isNestedWithin(value, MOST_LEVELS) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isNestedWithin(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    // The numbers of a vector are not gone into.
    for (const part of value) if (typeof part === "object" && !isNestedWithin(part, levels - 1)) return false;
    return true;
  }
  for (const part of Object.values(value)) if (!isNestedWithin(part, levels - 1)) return false;
  return true;
}
