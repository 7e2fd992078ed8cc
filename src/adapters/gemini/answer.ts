import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { VendorAnswer } from "../adapter.ts";
import { isObject, parseJson } from "../json.ts";
import { unreadable } from "../openai-family/errors.ts";
import { wholeAnswer } from "../openai-frames/whole-answer.ts";
import { failureInside } from "./errors.ts";
import { createResponseReader } from "./events.ts";

/**
 * A whole 2xx answer as OpenAI's body. It is read as the only frame of a stream, so that both mean the same.
 * @param choices how many candidates were asked for
 * @param created epoch seconds, which Gemini does not say
 */
export function readAnswer(choices: number, body: Uint8Array, secret: string, created: number): VendorAnswer {
  const text = new TextDecoder().decode(body).trimStart();
  const response = parseJson(text);
  if (!isObject(response) || !isAnswer(response)) {
    return { ok: false, failure: failureInside(response, secret) ?? notAnAnswer(text) };
  }
  const reader = createResponseReader(choices, secret);
  const shown = reader.readResponse(response);
  const { id, model } = reader;
  return wholeAnswer({ id, model, created }, shown);
}

const isAnswer = ({ candidates, promptFeedback }: Readonly<Record<string, unknown>>): boolean =>
  Array.isArray(candidates) || isObject(promptFeedback);

/** The failure of a body that is neither an answer nor an error. */
export function notAnAnswer(text: string): VendorFailure {
  if (text === "") return unreadable("empty_body", "The vendor answered with an empty body.");
  if (text.startsWith("<")) return unreadable("html_body", "The vendor answered with an HTML page.");
  return unreadable("invalid_body", "The vendor's answer is not of the form that was asked for.");
}
