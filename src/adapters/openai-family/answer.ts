import type { FinishReason, GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { VendorAnswer } from "../adapter.ts";
import { isObject, listOf, objectOf, parseJson, textOf } from "../json.ts";
import { assembleStream, looksLikeStream } from "./assemble.ts";
import { inWantedEncoding } from "./embeddings.ts";
import { brokenOff, failureInside, hasError, unreadable } from "./errors.ts";
import { partsText } from "./events.ts";
import type { Member } from "./member.ts";
import { rawUsageIn } from "./usage.ts";

const utf8 = new TextDecoder();

/** Reads a whole 2xx answer: anything that is not one is the vendor's failure. */
export function readAnswer(
  member: Member,
  request: GenerationRequest,
  body: Uint8Array,
  secret: string,
): VendorAnswer {
  // DeepSeek keeps waiting connections alive with empty lines before the JSON.
  const text = utf8.decode(body).trimStart();
  if (request.operation !== "embedding" && looksLikeStream(text)) {
    const assembled = assembleStream(member, request, text, secret);
    return "failure" in assembled
      ? { ok: false, failure: assembled.failure }
      : readParsed(member, request, assembled.answer, undefined, secret);
  }
  const parsed = parseJson(text);
  if (!isObject(parsed)) {
    const failure = Array.isArray(parsed) ? failureInside(member, parsed, secret) : undefined;
    return { ok: false, failure: failure ?? notAnAnswer(text) };
  }
  return readParsed(member, request, parsed, body, secret);
}

/** `original`: the bytes as they came, handed on when nothing has to change. */
function readParsed(
  member: Member,
  request: GenerationRequest,
  parsed: JsonObject,
  original: Uint8Array | undefined,
  secret: string,
): VendorAnswer {
  const results = listOf(request.operation === "embedding" ? parsed.data : parsed.choices);
  if (hasError(parsed) || results.length === 0) {
    const failure =
      failureInside(member, parsed, secret) ??
      unreadable("no_result", "The vendor's answer holds no result.");
    return { ok: false, failure };
  }
  const rawUsage = rawUsageIn(parsed);
  const usage = rawUsage === undefined ? undefined : member.readUsage(rawUsage, parsed);
  if (request.operation === "embedding") {
    const shown = inWantedEncoding(parsed, request.body.encoding_format);
    const body = bodyOf(shown, parsed, original);
    return { ok: true, body, parsed: shown, usage, finishReasons: [], outputChars: 0 };
  }
  const finishReasons = finishReasonsOf(member, results);
  if (!Array.isArray(finishReasons)) return { ok: false, failure: finishReasons };
  const shown = withReasons(parsed, results, finishReasons);
  const outputChars = charsIn(results);
  return {
    ok: true,
    body: bodyOf(shown, parsed, original),
    parsed: shown,
    usage,
    finishReasons,
    outputChars,
  };
}

/** Why each choice ended; or that the answer is none. */
function finishReasonsOf(member: Member, choices: readonly unknown[]): FinishReason[] | VendorFailure {
  const reasons: FinishReason[] = [];
  for (const choice of choices) {
    if (!isObject(choice) || !(typeof choice.text === "string" || isObject(choice.message))) {
      return unreadable("no_result", "The vendor's answer holds a choice without a message.");
    }
    const raw = textOf(choice.finish_reason) ?? "stop";
    const reason = member.finishReason(raw);
    if (reason === undefined) return brokenOff(raw);
    reasons.push(reason);
  }
  return reasons;
}

/** The answer in OpenAI's words for why its choices ended; the same object when those are what the vendor said. */
function withReasons(
  answer: JsonObject,
  choices: readonly unknown[],
  reasons: readonly FinishReason[],
): JsonObject {
  let shown: unknown[] | undefined;
  for (let at = 0; at < choices.length; at += 1) {
    const choice = choices[at];
    if (!isObject(choice) || choice.finish_reason === reasons[at]) continue;
    shown ??= [...choices];
    shown[at] = { ...choice, finish_reason: reasons[at] };
  }
  return shown === undefined ? answer : { ...answer, choices: shown };
}

function charsIn(choices: readonly unknown[]): number {
  let chars = 0;
  for (const choice of choices) if (isObject(choice)) chars += charsOf(choice);
  return chars;
}

/** UTF-16 units that were generated for a choice, reasoning and tool calls included. */
function charsOf(choice: JsonObject): number {
  if (typeof choice.text === "string") return choice.text.length;
  const message = objectOf(choice.message);
  if (message === undefined) return 0;
  let chars = wordsIn(message.content) + wordsIn(message.refusal);
  chars += wordsIn(message.reasoning_content ?? message.reasoning) + charsOfCall(message.function_call);
  for (const call of listOf(message.tool_calls)) chars += charsOfCall(objectOf(call)?.function);
  return chars;
}

/** Of a text, or of a list of parts with texts. */
function wordsIn(content: unknown): number {
  if (typeof content === "string") return content.length;
  return Array.isArray(content) ? partsText(content).length : 0;
}

function charsOfCall(call: unknown): number {
  if (!isObject(call)) return 0;
  return (textOf(call.name) ?? "").length + (textOf(call.arguments) ?? "").length;
}

/** The bytes as they came, where nothing had to change. */
const bodyOf = (shown: JsonObject, parsed: JsonObject, original: Uint8Array | undefined): Uint8Array =>
  shown === parsed && original !== undefined ? original : Buffer.from(JSON.stringify(shown));

function notAnAnswer(text: string): VendorFailure {
  if (text === "") return unreadable("empty_body", "The vendor answered with an empty body.");
  if (text.startsWith("<")) return unreadable("html_body", "The vendor answered with an HTML page.");
  return unreadable("invalid_body", "The vendor's answer is not whole JSON.");
}
