import type { JsonObject } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { isObject, parseJson } from "../json.ts";
import { hasError, unreadable } from "../openai-family/errors.ts";
import type { Judge } from "./service.ts";

/** A 2xx body as the JSON object that it should be, or why it is none. */
export function readObject(
  body: Uint8Array,
  judge: Judge,
): { readonly parsed: JsonObject } | { readonly failure: VendorFailure } {
  const text = new TextDecoder().decode(body).trim();
  const parsed = parseJson(text);
  if (!isObject(parsed)) return { failure: judge(parsed) ?? noObject(text) };
  if (hasError(parsed)) return { failure: judge(parsed) ?? noObject(text) };
  return { parsed };
}

function noObject(text: string): VendorFailure {
  if (text === "") return unreadable("empty_body", "The vendor answered with an empty body.");
  if (text.startsWith("<")) return unreadable("html_body", "The vendor answered with an HTML page.");
  return unreadable("invalid_body", "The vendor's answer is not whole JSON.");
}

export const noResult = (): VendorFailure => unreadable("no_result", "The vendor's answer holds no result.");
