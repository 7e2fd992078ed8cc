import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { excessOfText } from "../../core/nesting.ts";
import { asBody, asObject, invalid } from "./fields.ts";

/** One line of a batch, in the form that OpenAI's batches have. */
export interface BatchRequest {
  readonly customId: string | undefined;
  readonly url: BatchPath;
  readonly body: JsonObject;
}

/** What a batch may ask for. */
export const BATCH_PATHS = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/images/generations",
] as const;
export type BatchPath = (typeof BATCH_PATHS)[number];

/** OpenAI's bounds. */
const MOST_LINES = 50_000;
const MOST_ID_CHARS = 512;

/**
 * Reads a batch's lines: objects `{custom_id?, method?, url?, body}`. A line without `url` is for `endpoint`.
 * Throws SluiceError `invalid_request` with the line in `param`.
 */
export function parseBatch(lines: readonly unknown[], endpoint: unknown): readonly BatchRequest[] {
  if (lines.length === 0) throw noLines("requests");
  const read = lineReader("requests", endpoint);
  return lines.map((value, at) => read(value, `requests[${at}]`));
}

export const noLines = (param: string): SluiceError => invalid(param, "must hold at least one request");

/**
 * Reads the lines of one batch, each for itself: `where` is the line's name in errors. Counts them, and knows their ids.
 * @param param of what has too many lines
 */
export function lineReader(
  param: string,
  endpoint: unknown,
): (value: unknown, where: string) => BatchRequest {
  const seen = new Set<string>();
  let count = 0;
  return (value, where) => {
    count += 1;
    if (count > MOST_LINES) throw invalid(param, `must hold at most ${MOST_LINES} requests`);
    const line = asObject(value, where);
    const body = asBody(line.body, `${where}.body`);
    if (line.method !== undefined && line.method !== "POST")
      throw invalid(`${where}.method`, "must be 'POST'");
    const named = line.url ?? endpoint ?? BATCH_PATHS[0];
    const url = BATCH_PATHS.find((path) => path === named);
    if (url === undefined) throw invalid(`${where}.url`, `must be one of ${BATCH_PATHS.join(", ")}`);
    if (body.stream === true) throw invalid(`${where}.body.stream`, "must not be true in a batch");
    const { custom_id: customId } = line;
    if (customId === undefined || customId === null) return { customId: undefined, url, body };
    // Postgres has no NUL, and UTF-8 no half of a surrogate pair.
    const isText = typeof customId === "string" && !customId.includes("\0") && customId.isWellFormed();
    if (!isText || customId.length > MOST_ID_CHARS) {
      throw invalid(`${where}.custom_id`, `must be a string of at most ${MOST_ID_CHARS} characters`);
    }
    if (seen.has(customId)) throw invalid(`${where}.custom_id`, "is that of a line before it");
    seen.add(customId);
    return { customId, url, body };
  };
}

/** What a batch may ask for, of a name that a client gave. */
export const batchPath = (named: unknown): BatchPath => {
  const path = BATCH_PATHS.find((known) => known === named);
  if (path === undefined) throw invalid("endpoint", `must be one of ${BATCH_PATHS.join(", ")}`);
  return path;
};

/**
 * The values of a text of JSON lines; empty lines are none.
 * @throws SluiceError `invalid_json` or `invalid_request` that names the line; `invalid_request` when they are too many
 */
export function readJsonLines(text: string): readonly unknown[] {
  const values: unknown[] = [];
  let number = 0;
  for (let from = 0; from <= text.length; ) {
    const end = text.indexOf("\n", from);
    const line = text.slice(from, end === -1 ? text.length : end);
    number += 1;
    if (line.trim() !== "") {
      values.push(parseLine(line, number, `requests[${number - 1}]`));
      if (values.length > MOST_LINES) throw invalid("requests", `must hold at most ${MOST_LINES} requests`);
    }
    if (end === -1) break;
    from = end + 1;
  }
  return values;
}

/** One line's value. @throws SluiceError that names it, as people count them */
export function parseLine(text: string, number: number, param: string): unknown {
  const excess = excessOfText(text);
  if (excess !== undefined)
    throw new SluiceError("invalid_request", `Line ${number} is ${excess}.`, { param });
  try {
    return JSON.parse(text);
  } catch {
    throw new SluiceError("invalid_json", `Line ${number} is not JSON.`, { param });
  }
}
