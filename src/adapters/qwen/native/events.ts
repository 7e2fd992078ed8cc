import type { GenerationRequest, JsonObject } from "../../../core/generation.ts";
import type { VendorFailure } from "../../../core/vendor-failure.ts";
import { isObject, listOf, numberOf, objectOf, parseJson, textOf } from "../../json.ts";
import { unreadable } from "../../openai-family/errors.ts";
import { finishReasonOf } from "../../openai-family/finish-reason.ts";
import type { Shown } from "../../openai-frames/shown.ts";
import type { WireReader } from "../../openai-frames/translated-stream.ts";
import { failureInside } from "./errors.ts";
import { nativeUsage } from "./usage.ts";

/** Reads DashScope's results: the only one of a whole answer, or one after the other of a stream. */
export interface EventReader extends WireReader {
  readResult(result: JsonObject): readonly Shown[];
}

/** Of one choice: far more than parallel calls come to. */
const MAX_CALLS = 1_024;
const TOO_MANY: Shown = {
  type: "failure",
  failure: unreadable("too_many_calls", `The vendor's answer has more than ${MAX_CALLS} calls.`),
};

/** Written where others write null: the choice goes on. */
const NOT_YET = "null";

/**
 * @param request its model's name is shown as the answer's, which DashScope does not say
 * @param secret scrubbed out of errors inside the answer
 */
export function createEventReader({ choices, model }: GenerationRequest, secret: string): EventReader {
  const finished = new Set<number>();
  /** Calls by `choice.call` as the vendor counts, and how many each choice has. */
  const calls = new Map<string, { readonly call: number; isNamed: boolean }>();
  const counts = new Map<number, number>();
  let id = "";

  function readChoice(item: unknown, position: number): readonly Shown[] {
    const read = objectOf(item) ?? {};
    const choice = numberOf(read.index) ?? position;
    // What nobody asked for is nobody's; least of all is its end the answer's.
    if (!Number.isInteger(choice) || choice < 0 || choice >= choices) return [];
    const message = objectOf(read.message) ?? {};
    const reasoning = textOf(message.reasoning_content);
    const shown: Shown[] = [];
    if (reasoning !== undefined) shown.push({ type: "reasoning", choice, text: reasoning });
    const text = textIn(message.content);
    if (text !== "") shown.push(withLogprobs({ type: "text", choice, text }, read));
    shown.push(
      ...listOf(message.tool_calls).flatMap((called, at) => readCall(choice, at, objectOf(called) ?? {})),
    );
    const reason = textOf(read.finish_reason);
    if (reason === undefined || reason === NOT_YET || finished.has(choice)) return shown;
    finished.add(choice);
    return [...shown, { type: "finish", choice, reason: finishReasonOf(reason) }];
  }

  /** A call's id and name come with its first piece; later ones have them empty, or not at all. */
  function readCall(choice: number, position: number, called: JsonObject): readonly Shown[] {
    const target = objectOf(called.function) ?? {};
    const piece = textOf(target.arguments) ?? "";
    const key = `${choice}.${numberOf(called.index) ?? position}`;
    const [callId, name] = [textOf(called.id), textOf(target.name)];
    const isNamed = callId !== undefined || name !== undefined;
    let known = calls.get(key);
    if ((known?.isNamed === true || !isNamed) && piece === "") return [];
    if (known === undefined) {
      const call = counts.get(choice) ?? 0;
      if (call === MAX_CALLS) return [TOO_MANY];
      known = { call, isNamed: false };
      calls.set(key, known);
      counts.set(choice, call + 1);
    }
    const { call } = known;
    if (known.isNamed || !isNamed) return [{ type: "toolCall", choice, call, arguments: piece }];
    known.isNamed = true;
    return [
      {
        type: "toolCall",
        choice,
        call,
        ...(callId === undefined ? {} : { id: callId }),
        ...(name === undefined ? {} : { name }),
        arguments: piece,
      },
    ];
  }

  function readResult(result: JsonObject): readonly Shown[] {
    const failure = failureInside(result, secret);
    if (failure !== undefined) return failed(failure);
    const output = objectOf(result.output);
    if (output === undefined) return failed(UNREADABLE);
    id = textOf(result.request_id) ?? id;
    const usage = nativeUsage(objectOf(result.usage) ?? {});
    return [
      ...listOf(output.choices).flatMap(readChoice),
      ...(usage === undefined ? [] : [{ type: "usage", usage } as const]),
    ];
  }

  return {
    readData(data) {
      const result = parseJson(data);
      return isObject(result) ? readResult(result) : failed(failureInside(result, secret) ?? UNREADABLE);
    },
    readResult,
    // There is no end marker: a stream is whole when it is closed after every choice has ended.
    closed: () => (finished.size >= choices ? [{ type: "end" }] : []),
    get id() {
      return id;
    },
    model,
  };
}

const UNREADABLE = unreadable("invalid_frame", "The vendor's stream held an event that is no result.");

const failed = (failure: VendorFailure): readonly Shown[] => [{ type: "failure", failure }];

/** Text, or the multimodal endpoint's list of `{ text }`. */
function textIn(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((part) => textOf(objectOf(part)?.text) ?? "")
    .join("");
}

/** They have OpenAI's own form. */
function withLogprobs(shown: Shown & { readonly type: "text" }, choice: JsonObject): Shown {
  const logprobs = listOf(objectOf(choice.logprobs)?.content).filter(isObject);
  return logprobs.length === 0 ? shown : { ...shown, logprobs };
}
