import text from "./catalogue.yaml" with { type: "text" };
import { readDocument } from "./document.ts";
import { findingsOf } from "./issues.ts";
import { ConfigError } from "./problems.ts";
import { type CatalogueInput, catalogueSchema } from "./schema.ts";

/** The vendors, models and list prices that come with Sluice. Data: `catalogue.yaml`. */
export function readCatalogue(yaml: string = text): CatalogueInput {
  const document = readDocument(yaml, "built-in catalogue", {});
  const findings = document.value === undefined ? [] : findingsOf(catalogueSchema, document.value);
  const problems = [
    ...document.problems,
    ...findings.map(({ path, message }) => document.problemAt(path, message)),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  return catalogueSchema.parse(document.value);
}
