import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf, numberOf, parseJson, textOf } from "../json.ts";

/** What a vendor said when it refused, before anyone has judged it. */
export interface ErrorReport {
  /** HTTP status; for an error inside a 200, the status that the error names itself, else 200. */
  readonly status: number;
  /** The vendor's code, else its type: what tables are looked up by. */
  readonly code?: string;
  readonly type?: string;
  readonly message: string;
  readonly param?: string;
}

/**
 * Reads an error body of any shape: `{"error":{…}}` (OpenAI, DeepSeek, Ark), `{"error":"…"}`, flat
 * `{"code","message"}` (DashScope, vLLM), a JSON array of these (Gemini), `{"detail":…}`, HTML of a proxy,
 * plain text, nothing. The content type is not consulted: it is wrong too often.
 */
export function readErrorBody(status: number, body: string): ErrorReport {
  const text = body.trim();
  if (text === "") return { status, message: `HTTP ${status} with an empty body.` };
  const parsed = parseJson(text);
  if (parsed !== undefined) return reportOf(status, parsed) ?? { status, message: text };
  if (text.startsWith("<")) return { status, message: `HTTP ${status} with an HTML page${titleOf(text)}.` };
  return { status, message: text };
}

/** The report inside a parsed value; undefined when the value tells of no error. */
export function reportOf(status: number, value: unknown): ErrorReport | undefined {
  const first = Array.isArray(value) ? listOf(value)[0] : value;
  if (!isObject(first)) return undefined;
  const error = first.error;
  if (isObject(error)) return fieldsOf(status, error, first);
  if (textOf(error) !== undefined)
    return fieldsOf(status, { ...first, message: first.message ?? error }, first);
  const speaks = first.message !== undefined || first.msg !== undefined || first.detail !== undefined;
  return speaks && first.choices === undefined ? fieldsOf(status, first, first) : undefined;
}

function fieldsOf(status: number, error: JsonObject, outer: JsonObject): ErrorReport {
  const code = wordOf(error.code) ?? wordOf(outer.code);
  const type = wordOf(error.type) ?? wordOf(error.status);
  const param = textOf(error.param);
  const message =
    textOf(error.message) ??
    textOf(error.msg) ??
    textOf(error.detail) ??
    JSON.stringify(error.detail ?? error);
  return {
    status: statusIn(error) ?? status,
    message,
    ...(code === undefined ? {} : { code }),
    ...(type === undefined ? {} : { type }),
    ...(param === undefined ? {} : { param }),
  };
}

/** A code that is a word; codes that only repeat the HTTP status say nothing of their own. */
const wordOf = (value: unknown): string | undefined => {
  const text = textOf(value);
  return text === undefined || /^\d+$/.test(text) ? undefined : text;
};

/** vLLM and Gemini write the HTTP status into `code`; inside a stream it is the only one there is. */
function statusIn(error: JsonObject): number | undefined {
  const value = numberOf(error.code) ?? numberOf(error.status) ?? numberOf(Number(textOf(error.code)));
  return value !== undefined && value >= 400 && value <= 599 ? value : undefined;
}

function titleOf(html: string): string {
  const title = /<title[^>]*>([^<]{1,120})<\/title>/i.exec(html)?.[1]?.trim();
  return title === undefined ? "" : ` («${title}»)`;
}
