import type { JsonObject } from "../../core/generation.ts";
import type { Target, VendorCall } from "../adapter.ts";
import { TargetHeaders } from "../target-headers.ts";

export type Method =
  | "generateContent"
  | "streamGenerateContent"
  | "embedContent"
  | "batchEmbedContents"
  | "countTokens";

/** Where no path is given, the version that has everything. */
const VERSION = "v1beta";

/** A model's name as a resource: `models/…` unless it says another collection (`tunedModels/…`) itself. */
export const resourceOf = (model: string): string => (model.includes("/") ? model : `models/${model}`);

/**
 * One call of a model's method. The key goes in a header: in the address it would be logged on the way.
 * @param body sent as it is
 */
export function methodCall(
  target: Target,
  method: Method,
  body: JsonObject | Uint8Array,
  dropped: readonly string[] = [],
): VendorCall {
  const { baseUrl, model } = target;
  const base = /^https?:\/\/[^/]+$/.test(baseUrl) ? `${baseUrl}/${VERSION}` : baseUrl;
  const resource = resourceOf(model).split("/").map(encodeURIComponent).join("/");
  const streams = method === "streamGenerateContent";
  return {
    method: "POST",
    // Without `alt=sse` a stream is one JSON array.
    url: `${base}/${resource}:${method}${streams ? "?alt=sse" : ""}`,
    headers: HEADERS.of(target, streams),
    body: body instanceof Uint8Array ? body : JSON.stringify(body),
    ...(dropped.length === 0 ? {} : { dropped }),
  };
}

const HEADERS = new TargetHeaders(({ secret }, accept) => ({
  "x-goog-api-key": secret,
  "content-type": "application/json",
  accept,
  // Compression on the way holds back a stream's frames.
  "accept-encoding": "identity",
}));
