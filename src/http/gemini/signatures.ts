import type { JsonObject } from "../../core/generation.ts";
import { excessOfText } from "../../core/nesting.ts";
import { objectIn } from "../openai/responses/chat-pieces.ts";

/**
 * What a vendor wants back with an answer: fields of its message, of its calls by their places, and the reasoning that
 * led to the calls where the client is not shown it.
 */
export interface Carried {
  readonly message?: JsonObject;
  readonly calls?: JsonObject;
  readonly reasoning?: string;
}

/** Of six characters, so that it stands alone at the beginning of the base64. */
const MARK = "sluice";
const SEALED = Buffer.from(MARK).toString("base64");

/** As a `thoughtSignature`, which clients return unseen: base64, as the field has it. Nothing in it is secret. */
export const sealCarried = (carried: Carried): string =>
  Buffer.from(MARK + JSON.stringify(carried)).toString("base64");

/** True for a signature that was made here: Gemini would refuse it. */
export const isSealed = (signature: unknown): boolean =>
  typeof signature === "string" && signature.startsWith(SEALED);

/** Fields of the message and of a call that are read elsewhere, which nothing carried may replace. */
const OWN = new Set([
  ...["role", "content", "refusal", "tool_calls", "function_call", "name"],
  ...["id", "type", "function", "index"],
]);

/** Nothing where it is broken: a client may say anything. SDKs of other languages write base64url. */
export function openCarried(signature: string): Carried {
  const text = Buffer.from(signature, "base64").toString("utf8").slice(MARK.length);
  if (excessOfText(text) !== undefined) return {};
  let carried: unknown;
  try {
    carried = JSON.parse(text);
  } catch {
    return {};
  }
  const { message, calls, reasoning } = objectIn(carried) ?? {};
  return {
    message: foreignFields(message),
    calls: Object.fromEntries(
      Object.entries(objectIn(calls) ?? {}).map(([place, fields]) => [place, foreignFields(fields)]),
    ),
    ...(typeof reasoning === "string" ? { reasoning } : {}),
  };
}

const foreignFields = (value: unknown): JsonObject =>
  Object.fromEntries(Object.entries(objectIn(value) ?? {}).filter(([name]) => !OWN.has(name)));

/** A signature of Gemini's own, where chat clients have it. */
export const signatureFields = (signature: string): JsonObject => ({
  extra_content: { google: { thought_signature: signature } },
});

/** Gemini's own signature, where it is all that there is; undefined for anything else. */
export function signatureIn(fields: JsonObject): string | undefined {
  const signature = objectIn(objectIn(fields.extra_content)?.google)?.thought_signature;
  return Object.keys(fields).length === 1 && typeof signature === "string" ? signature : undefined;
}
