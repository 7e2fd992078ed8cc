import type { JsonObject } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { isObject, listOf, numberOf, objectOf, parseJson, textOf } from "../json.ts";
import { brokenOff, unreadable } from "../openai-family/errors.ts";
import type { Shown } from "../openai-frames/shown.ts";
import type { WireReader } from "../openai-frames/translated-stream.ts";
import { callId } from "./call-id.ts";
import { failureInside } from "./errors.ts";
import { finishReasonOf } from "./finish-reason.ts";
import { logprobsIn } from "./logprobs.ts";
import { signatureFields } from "./signatures.ts";
import { usageOf } from "./usage.ts";

/** Reads `GenerateContentResponse`s: the only one of a whole answer, or one after the other of a stream. */
export interface ResponseReader extends WireReader {
  readResponse(response: JsonObject): readonly Shown[];
}

/**
 * @param choices how many candidates were asked for; more are nobody's
 * @param secret scrubbed out of errors inside the answer
 */
export const createResponseReader = (choices: number, secret: string): ResponseReader =>
  new Responses(choices, secret);

class Responses implements ResponseReader {
  id = "";
  model = "";
  readonly #finished = new Set<number>();
  /** Calls so far, by candidate. */
  readonly #calls = new Map<number, number>();

  constructor(
    readonly choices: number,
    readonly secret: string,
  ) {}

  readData(data: string): readonly Shown[] {
    const response = parseJson(data);
    if (isObject(response)) return this.readResponse(response);
    return failed(failureInside(response, this.secret) ?? UNREADABLE);
  }

  readResponse(response: JsonObject): readonly Shown[] {
    if (isObject(response.error)) return failed(failureInside(response, this.secret) ?? UNREADABLE);
    this.id = textOf(response.responseId) ?? this.id;
    this.model = textOf(response.modelVersion) ?? this.model;
    const said: Shown[] = [];
    let failure: VendorFailure | undefined;
    let hasCandidates = false;
    for (const candidate of listOf(response.candidates)) {
      if (!isObject(candidate)) continue;
      hasCandidates = true;
      const broken = this.#readCandidate(said, candidate);
      failure ??= broken;
    }
    if (!hasCandidates) this.#readBlock(said, objectOf(response.promptFeedback));
    const usage = isObject(response.usageMetadata) ? usageOf(response.usageMetadata) : undefined;
    if (usage !== undefined) said.push({ type: "usage", usage });
    if (failure !== undefined) said.push({ type: "failure", failure });
    return said;
  }

  /** There is no end marker: a stream is whole when it is closed after every candidate has ended. */
  closed(): readonly Shown[] {
    return this.#finished.size >= this.choices ? [{ type: "end" }] : [];
  }

  /** Answers how it broke off; undefined: it did not. */
  #readCandidate(said: Shown[], candidate: JsonObject): VendorFailure | undefined {
    const choice = numberOf(candidate.index) ?? 0;
    if (!Number.isInteger(choice) || choice < 0 || choice >= this.choices) return undefined;
    const from = said.length;
    for (const part of listOf(objectOf(candidate.content)?.parts)) {
      if (isObject(part)) this.#readPart(said, choice, part);
    }
    if (isObject(candidate.logprobsResult)) addLogprobs(said, from, candidate);
    return this.#finish(said, choice, textOf(candidate.finishReason));
  }

  /** Kinds of parts that nobody here asked for, such as code that Google ran, are passed over. */
  #readPart(said: Shown[], choice: number, part: JsonObject): void {
    const signature = textOf(part.thoughtSignature);
    if (isObject(part.functionCall)) {
      this.#readCall(said, choice, part.functionCall, signature);
      return;
    }
    const text = textOf(part.text);
    if (text !== undefined && part.thought === true) said.push({ type: "reasoning", choice, text });
    else if (text !== undefined) said.push({ type: "text", choice, text });
    if (signature !== undefined) said.push(carried(choice, undefined, signature));
  }

  /** A call comes whole; without arguments it has no `args`, which for OpenAI's clients must be JSON all the same. */
  #readCall(said: Shown[], choice: number, called: JsonObject, signature: string | undefined): void {
    const call = this.#calls.get(choice) ?? 0;
    this.#calls.set(choice, call + 1);
    const name = textOf(called.name) ?? "";
    const text = JSON.stringify(objectOf(called.args) ?? {});
    const named = textOf(called.id) ?? callId([this.id, choice, call, name, text]);
    said.push({ type: "toolCall", choice, call, id: named, name, arguments: text });
    if (signature !== undefined) said.push(carried(choice, call, signature));
  }

  #finish(said: Shown[], choice: number, raw: string | undefined): VendorFailure | undefined {
    const reason = finishReasonOf(raw, this.#calls.has(choice));
    if (reason === undefined || this.#finished.has(choice)) return undefined;
    if (reason === "broken") return brokenOff(raw ?? "");
    this.#finished.add(choice);
    said.push({ type: "finish", choice, reason });
    return undefined;
  }

  /** A prompt that was blocked has no candidates at all. */
  #readBlock(said: Shown[], feedback: JsonObject | undefined): void {
    if (textOf(feedback?.blockReason) === undefined) return;
    const words = textOf(feedback?.blockReasonMessage);
    for (let choice = 0; choice < this.choices; choice += 1) {
      if (this.#finished.has(choice)) continue;
      this.#finished.add(choice);
      if (words !== undefined) said.push({ type: "refusal", choice, text: words });
      said.push({ type: "finish", choice, reason: "content_filter" });
    }
  }
}

const UNREADABLE = unreadable("invalid_frame", "The vendor's stream held a frame that is not a JSON object.");

const failed = (failure: VendorFailure): readonly Shown[] => [{ type: "failure", failure }];

const carried = (choice: number, call: number | undefined, signature: string): Shown => ({
  type: "extension",
  choice,
  ...(call === undefined ? {} : { call }),
  fields: signatureFields(signature),
});

/** Probabilities are told for a whole candidate of a frame; they go out with its first text, from `from` on. */
function addLogprobs(said: Shown[], from: number, candidate: JsonObject): void {
  const logprobs = logprobsIn(candidate);
  if (logprobs.length === 0) return;
  for (let at = from; at < said.length; at += 1) {
    const item = said[at];
    if (item?.type !== "text") continue;
    said[at] = { ...item, logprobs };
    return;
  }
}
