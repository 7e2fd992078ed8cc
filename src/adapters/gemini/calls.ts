import { SluiceError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/generation.ts";
import { unsupported } from "../failure/unsupported.ts";
import { isObject, listOf, objectOf, parseGivenJson, textOf } from "../json.ts";
import { vendorId } from "./call-id.ts";
import type { Traits } from "./models.ts";
import { partsOf } from "./parts.ts";
import { carriedSignature, LOST_SIGNATURE } from "./signatures.ts";

/** A call that an assistant made earlier in the conversation. */
export interface Call {
  readonly id: unknown;
  readonly name: string;
  readonly args: JsonObject;
  readonly signature: string | undefined;
}

/**
 * The calls of an assistant message.
 * @throws SluiceError `unsupported_parameter` for what is no call of a function with an object as its arguments
 */
export function callsOf(message: JsonObject, path: string): readonly Call[] {
  if (message.function_call !== undefined && message.function_call !== null) {
    throw unsupported(`${path}.function_call`, "Gemini is given tools, not functions: use 'tool_calls'.");
  }
  return listOf(message.tool_calls).map((call, at) => callOf(call, `${path}.tool_calls[${at}]`));
}

function callOf(call: unknown, path: string): Call {
  const called = isObject(call) ? objectOf(call.function) : undefined;
  const name = textOf(called?.name);
  if (!isObject(call) || called === undefined || name === undefined) {
    throw unsupported(path, "Gemini takes only calls of functions.");
  }
  const text = textOf(called.arguments)?.trim() ?? "";
  const args = text === "" ? {} : parseGivenJson(text);
  if (!isObject(args)) {
    throw unsupported(`${path}.function.arguments`, "Gemini takes only a JSON object as arguments.");
  }
  return { id: call.id, name, args, signature: carriedSignature(call) };
}

/** As parts. Of calls that were made together only the first has a signature. */
export function signedCalls(calls: readonly Call[], { demandsSignatures }: Traits): readonly JsonObject[] {
  return calls.map(({ id, name, args, signature }, at) => {
    const own = signature ?? (at === 0 && demandsSignatures ? LOST_SIGNATURE : undefined);
    const part = { functionCall: { ...idFields(id), name, args } };
    return own === undefined ? part : { ...part, thoughtSignature: own };
  });
}

const idFields = (id: unknown): { readonly id?: string } => {
  const own = vendorId(id);
  return own === undefined ? {} : { id: own };
};

/** What a call returned. */
export interface Result {
  /** Of its call among those that it was made with. */
  readonly place: number;
  readonly response: JsonObject;
  /** Pictures and the like, which stand behind the results. */
  readonly shown: readonly JsonObject[];
}

/**
 * A tool message, by the calls before it. `is_error` is an extension of it, as for Anthropic.
 * @throws SluiceError `invalid_request` for a result without a call
 */
export function resultOf(message: JsonObject, calls: readonly Call[], path: string): Result {
  const place = calls.findLastIndex(({ id }) => id === message.tool_call_id);
  const name = calls[place]?.name;
  if (name === undefined) {
    throw new SluiceError(
      "invalid_request",
      `Invalid '${path}.tool_call_id': no call of the message before has it.`,
      { param: `${path}.tool_call_id` },
    );
  }
  const parts = partsOf(message.content, `${path}.content`);
  const text = parts.flatMap((part) => (typeof part.text === "string" ? part.text : [])).join("\n");
  const response = message.is_error === true ? { error: text } : { output: text };
  return {
    place,
    response: { functionResponse: { ...idFields(message.tool_call_id), name, response } },
    shown: parts.filter((part) => part.text === undefined),
  };
}
