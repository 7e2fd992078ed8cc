import type { Finding } from "./issues.ts";
import { suggestion } from "./nearest-name.ts";
import type { BuiltIns } from "./schema.ts";

/**
 * Names in one part of the file that must exist in another. Works on the raw values, so that one mistake
 * in a file does not hide the others.
 */
export function unknownVendors(
  file: unknown,
  vendors: readonly string[],
  builtIns: BuiltIns,
): readonly Finding[] {
  const findings: Finding[] = [];
  const check = (name: unknown, path: Finding["path"]): void => {
    if (typeof name !== "string" || name === "" || vendors.includes(name)) return;
    const variable = builtIns.vendors[name]?.keyVariable;
    const remedy = variable === undefined ? suggestion(name, vendors) : `: define it, or set ${variable}`;
    findings.push({ path, message: `names a vendor that is not defined${remedy}` });
  };
  for (const [model, candidates] of entriesOf(fieldOf(file, "models"))) {
    if (!Array.isArray(candidates)) continue;
    for (const [index, candidate] of candidates.entries()) {
      check(fieldOf(candidate, "vendor"), ["models", model, index, "vendor"]);
    }
  }
  for (const [name] of entriesOf(fieldOf(fieldOf(file, "rateLimit"), "vendors"))) {
    check(name, ["rateLimit", "vendors", name]);
  }
  return findings;
}

/** Limits of one vendor that are given in both places. */
export function limitsGivenTwice(file: unknown): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [name, limits] of entriesOf(fieldOf(fieldOf(file, "rateLimit"), "vendors"))) {
    const own = fieldOf(fieldOf(fieldOf(file, "vendors"), name), "limits");
    for (const [limit] of entriesOf(limits)) {
      if (fieldOf(own, limit) === undefined) continue;
      findings.push({
        path: ["rateLimit", "vendors", name, limit],
        message: "is also given in the vendor's own `limits`; only one can count",
      });
    }
  }
  return findings;
}

/** The entries of what may be an object in an unchecked file; none of anything else. */
export function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

/** A field of what may be an object in an unchecked file. */
export function fieldOf(value: unknown, name: string): unknown {
  return new Map(entriesOf(value)).get(name);
}
