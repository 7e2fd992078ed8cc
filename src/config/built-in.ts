import text from "./built-in.yaml" with { type: "text" };
import { readDocument } from "./document.ts";
import { findingsOf } from "./issues.ts";
import { ConfigError } from "./problems.ts";
import { type BuiltIns, builtInsSchema } from "./schema.ts";

/** The vendors, models and list prices that come with Sluice. Data: `built-in.yaml`. */
export function readBuiltIns(yaml: string = text): BuiltIns {
  const document = readDocument(yaml, "built-in.yaml", {});
  const findings = document.value === undefined ? [] : findingsOf(builtInsSchema, document.value);
  const problems = [
    ...document.problems,
    ...findings.map(({ path, message }) => document.problemAt(path, message)),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return builtInsSchema.parse(document.value);
}
