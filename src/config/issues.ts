import { z } from "zod";
import { suggestion } from "./nearest-name.ts";
import type { Path } from "./problems.ts";

/** What a schema has against a value: where, and in words for an operator. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
}

/**
 * Everything that `schema` has against `value`. The messages never repeat a value: one could be a key in the
 * wrong place.
 */
export function findingsOf(schema: z.ZodType, value: unknown): readonly Finding[] {
  const result = schema.safeParse(value, { error: explain });
  return result.success ? [] : result.error.issues.flatMap((issue) => flatten(issue, []));
}

type Issue = z.core.$ZodIssue;
type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

/** One issue as findings: an unknown field is one each, a union speaks for the branch that was meant. */
function flatten(issue: Issue, parent: Path): readonly Finding[] {
  const path = [...parent, ...issue.path];
  switch (issue.code) {
    case "unrecognized_keys": {
      const messages = issue.message.split("\n");
      return issue.keys.map((key, index) => ({
        path: [...path, key],
        message: messages[index] ?? "is not known",
      }));
    }
    case "invalid_union": {
      const meant = issue.errors.find(
        (branch) => branch.length > 0 && branch.every((inner) => !isOfAnotherKind(inner)),
      );
      return meant?.flatMap((inner) => flatten(inner, path)) ?? [{ path, message: issue.message }];
    }
    case "invalid_key": {
      return issue.issues.map((inner) => ({ path, message: `this name ${inner.message}` }));
    }
    default:
      return [{ path, message: issue.message }];
  }
}

/** The branch of a union that fails on the value as a whole was not the one that was meant. */
const isOfAnotherKind = (issue: Issue): boolean =>
  issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");

/** zod's issues in the words of an operator. Schemas that know better bring their own message. */
function explain(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is required";
      return `must be ${KIND[issue.expected] ?? issue.expected}, not ${kindOf(issue.input)}`;
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}${
        typeof issue.input === "string" ? suggestion(issue.input, issue.values.map(String)) : ""
      }`;
    case "unrecognized_keys": {
      const known = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : [];
      return issue.keys.map((key) => `is not a known field${suggestion(key, known)}`).join("\n");
    }
    case "too_small":
      if (issue.origin === "string" || issue.origin === "array") return "must not be empty";
      return `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`;
    case "too_big":
      return `must be ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}`;
    default:
      return undefined;
  }
}

const KIND: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a group of fields",
  record: "a group of names",
  array: "a list",
};

function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a group of fields";
  if (typeof value === "number")
    return Number.isInteger(value) ? "a number" : "a number with decimals or none at all";
  return typeof value === "string" ? "text" : typeof value === "boolean" ? "true or false" : typeof value;
}
