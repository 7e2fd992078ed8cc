import type { JsonObject } from "../../src/core/generation.ts";
import { isObject, parseJson } from "./json.ts";
import { type Script, scriptOf } from "./script.ts";

export type Operation = "chat" | "completion" | "embedding" | "response" | "models" | "other";

/** A request as the vendor reads it. */
export interface VendorRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  /** Empty when there is none, or when it is no JSON object. */
  readonly body: JsonObject;
  readonly operation: Operation;
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly choices: number;
  /** Of each choice. */
  readonly maxTokens: number | undefined;
  /** All text of the prompt. */
  readonly prompt: string;
  /** The bearer key; empty when there is none. */
  readonly key: string;
}

export function readRequest(
  method: string,
  path: string,
  headers: Headers,
  bytes: Uint8Array,
): VendorRequest {
  const parsed = parseJson(new TextDecoder().decode(bytes));
  const body = isObject(parsed) ? parsed : {};
  const options = isObject(body.stream_options) ? body.stream_options : {};
  return {
    method,
    path,
    headers,
    body,
    operation: operationOf(path),
    model: typeof body.model === "string" ? body.model : "",
    stream: body.stream === true,
    includeUsage: options.include_usage === true,
    choices: wholeNumber(body.n) ?? 1,
    maxTokens:
      wholeNumber(body.max_completion_tokens) ??
      wholeNumber(body.max_tokens) ??
      wholeNumber(body.max_output_tokens),
    prompt: textIn(body.messages ?? body.prompt ?? [body.instructions, body.input]),
    key: /^bearer (.*)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "",
  };
}

/**
 * What the request itself asks the mock to do: the header `x-mock-script`, the field `mock`, or the last
 * message, if it is the JSON text `{"mock":{…}}`: the only way that every gateway and adapter leaves alone.
 */
export function scriptIn(request: VendorRequest): Script | undefined {
  const header = request.headers.get("x-mock-script");
  if (header !== null) return scriptOf(parseJson(header));
  if (request.body.mock !== undefined) return scriptOf(request.body.mock);
  const { messages, prompt, input } = request.body;
  const items = Array.isArray(messages) ? messages : [prompt ?? input].flat();
  const said = textIn(items.at(-1)).trim();
  const parsed = said.startsWith("{") ? parseJson(said) : undefined;
  return isObject(parsed) && parsed.mock !== undefined ? scriptOf(parsed.mock) : undefined;
}

function operationOf(path: string): Operation {
  if (path.endsWith("/chat/completions")) return "chat";
  if (path.endsWith("/completions")) return "completion";
  if (path.endsWith("/responses")) return "response";
  if (path.endsWith("/embeddings")) return "embedding";
  return /\/models(?:\/[^/]+)?$/.test(path) ? "models" : "other";
}

const wholeNumber = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** Text of a message, of its parts, of a list of either; token numbers count as one character. */
function textIn(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return ".";
  if (Array.isArray(value)) return value.map(textIn).join("");
  return isObject(value) ? textIn(value.content ?? value.text ?? value.output ?? "") : "";
}
