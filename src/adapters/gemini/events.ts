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
export function createResponseReader(choices: number, secret: string): ResponseReader {
  const finished = new Set<number>();
  /** Calls so far, by candidate. */
  const calls = new Map<number, number>();
  let id = "";
  let model = "";

  function readCandidate(candidate: JsonObject): readonly Shown[] {
    const choice = numberOf(candidate.index) ?? 0;
    if (!Number.isInteger(choice) || choice < 0 || choice >= choices) return [];
    const parts = listOf(objectOf(candidate.content)?.parts).filter(isObject);
    const shown = parts.flatMap((part) => readPart(choice, part));
    return [...withLogprobs(shown, candidate), ...finish(choice, textOf(candidate.finishReason))];
  }

  /** Kinds of parts that nobody here asked for, such as code that Google ran, are passed over. */
  function readPart(choice: number, part: JsonObject): readonly Shown[] {
    const signature = textOf(part.thoughtSignature);
    if (isObject(part.functionCall)) return readCall(choice, part.functionCall, signature);
    const text = textOf(part.text);
    const shown: Shown[] = [];
    if (text !== undefined && part.thought === true) shown.push({ type: "reasoning", choice, text });
    else if (text !== undefined) shown.push({ type: "text", choice, text });
    if (signature !== undefined) shown.push(carried(choice, undefined, signature));
    return shown;
  }

  /** A call comes whole; without arguments it has no `args`, which for OpenAI's clients must be JSON all the same. */
  function readCall(choice: number, called: JsonObject, signature: string | undefined): readonly Shown[] {
    const call = calls.get(choice) ?? 0;
    calls.set(choice, call + 1);
    const name = textOf(called.name) ?? "";
    const text = JSON.stringify(objectOf(called.args) ?? {});
    const named = textOf(called.id) ?? callId([id, choice, call, name, text]);
    return [
      { type: "toolCall", choice, call, id: named, name, arguments: text },
      ...(signature === undefined ? [] : [carried(choice, call, signature)]),
    ];
  }

  function finish(choice: number, raw: string | undefined): readonly Shown[] {
    const reason = finishReasonOf(raw, calls.has(choice));
    if (reason === undefined || finished.has(choice)) return [];
    if (reason === "broken") return failed(brokenOff(raw ?? ""));
    finished.add(choice);
    return [{ type: "finish", choice, reason }];
  }

  /** A prompt that was blocked has no candidates at all. */
  function readBlock(feedback: JsonObject): readonly Shown[] {
    if (textOf(feedback.blockReason) === undefined) return [];
    const words = textOf(feedback.blockReasonMessage);
    return Array.from({ length: choices }, (_, choice) => choice)
      .filter((choice) => !finished.has(choice))
      .flatMap((choice): readonly Shown[] => {
        finished.add(choice);
        const why: readonly Shown[] = words === undefined ? [] : [{ type: "refusal", choice, text: words }];
        return [...why, { type: "finish", choice, reason: "content_filter" }];
      });
  }

  function readResponse(response: JsonObject): readonly Shown[] {
    if (isObject(response.error)) return failed(failureInside(response, secret) ?? UNREADABLE);
    id = textOf(response.responseId) ?? id;
    model = textOf(response.modelVersion) ?? model;
    const candidates = listOf(response.candidates).filter(isObject);
    const said =
      candidates.length > 0
        ? candidates.flatMap(readCandidate)
        : readBlock(objectOf(response.promptFeedback) ?? {});
    const usage = usageOf(objectOf(response.usageMetadata) ?? {});
    const told: readonly Shown[] = usage === undefined ? [] : [{ type: "usage", usage }];
    const isFailure = ({ type }: Shown): boolean => type === "failure";
    return [...said.filter((item) => !isFailure(item)), ...told, ...said.filter(isFailure).slice(0, 1)];
  }

  return {
    readData(data) {
      const response = parseJson(data);
      if (isObject(response)) return readResponse(response);
      return failed(failureInside(response, secret) ?? UNREADABLE);
    },
    readResponse,
    // There is no end marker: a stream is whole when it is closed after every candidate has ended.
    closed: () => (finished.size >= choices ? [{ type: "end" }] : []),
    get id() {
      return id;
    },
    get model() {
      return model;
    },
  };
}

const UNREADABLE = unreadable("invalid_frame", "The vendor's stream held a frame that is not a JSON object.");

const failed = (failure: VendorFailure): readonly Shown[] => [{ type: "failure", failure }];

const carried = (choice: number, call: number | undefined, signature: string): Shown => ({
  type: "extension",
  choice,
  ...(call === undefined ? {} : { call }),
  fields: signatureFields(signature),
});

/** Probabilities are told for a whole candidate of a frame; they go out with its first text. */
function withLogprobs(shown: readonly Shown[], candidate: JsonObject): readonly Shown[] {
  const logprobs = logprobsIn(candidate);
  const first = shown.findIndex(({ type }) => type === "text");
  if (logprobs.length === 0) return shown;
  return shown.map((item, at) => (at === first && item.type === "text" ? { ...item, logprobs } : item));
}
