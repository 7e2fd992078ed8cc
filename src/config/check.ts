import { z } from "zod";
import type { Config } from "./config.ts";
import { type LoadOptions, loadConfig } from "./load.ts";
import { formatPrice } from "./price-text.ts";
import { ConfigError, formatProblem } from "./problems.ts";
import { fileSchema } from "./schema.ts";

export interface CommandResult {
  readonly output: string;
  /** 0: good; 1: the configuration has problems; 2: the command was not understood. */
  readonly exitCode: 0 | 1 | 2;
}

const USAGE = `Usage:
  bun run config check [FILE]   checks a configuration without starting (FILE: else SLUICE_CONFIG, else ./sluice.yaml)
  bun run config schema         prints the JSON schema of the file`;

/** The `config` command: what it prints and how it exits. */
export function runConfigCommand(args: readonly string[], options: Omit<LoadOptions, "path">): CommandResult {
  const [command, file, ...rest] = args;
  if (rest.length > 0) return { output: USAGE, exitCode: 2 };
  if (command === "schema" && file === undefined) return { output: jsonSchema(), exitCode: 0 };
  if (command === "check") return check({ ...options, ...(file === undefined ? {} : { path: file }) });
  return { output: USAGE, exitCode: 2 };
}

/** The file's JSON schema, for editors: `# yaml-language-server: $schema=…`. */
function jsonSchema(): string {
  return JSON.stringify(z.toJSONSchema(fileSchema, { io: "input", unrepresentable: "any" }), null, 2);
}

function check(options: LoadOptions): CommandResult {
  try {
    return { output: describe(loadConfig(options)), exitCode: 0 };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const count = error.problems.length;
    const lines = [...error.problems.map(formatProblem), `${count} ${count === 1 ? "problem" : "problems"}`];
    return { output: lines.join("\n"), exitCode: 1 };
  }
}

/** What would be served, as two tables. */
function describe(config: Config): string {
  const vendors = [...config.catalog.vendors.values()].map((vendor) => [
    vendor.id,
    vendor.adapter,
    vendor.region,
    String(vendor.keys.length),
    vendor.baseUrl ?? "adapter's own",
  ]);
  const models = [...config.catalog.models.values()].flatMap((model) =>
    model.candidates.map((candidate, index) => [
      index === 0 ? model.name : "",
      candidate.vendor,
      candidate.model,
      formatPrice(candidate.price),
      String(candidate.quality),
    ]),
  );
  return [
    `${config.source.file ?? "No file: environment and built-in vendors"}: good`,
    "",
    table([["VENDOR", "ADAPTER", "REGION", "KEYS", "BASE URL"], ...vendors]),
    "",
    table([["MODEL", "VENDOR", "VENDOR'S NAME", "PRICE (points per million tokens)", "QUALITY"], ...models]),
  ].join("\n");
}

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
