import type { FinishReason, GenerationEvent, JsonObject } from "../../../core/generation.ts";
import type { VendorFailure } from "../../../core/vendor-failure.ts";
import { isObject, listOf, numberOf, objectOf, parseJson, textOf } from "../../json.ts";
import { unreadable } from "../../openai-family/errors.ts";
import type { Shown } from "../../openai-frames/shown.ts";
import type { WireReader } from "../../openai-frames/translated-stream.ts";
import type { Judge } from "../../openai-services/service.ts";
import { usageIn } from "./usage.ts";

/** What a part says, and the field in which its `done` repeats the whole of it. */
interface Spoken {
  readonly whole: string;
  say(text: string): GenerationEvent;
}

const reasoning: Spoken = { whole: "text", say: (text) => ({ type: "reasoning", choice: 0, text }) };

const SPOKEN: ReadonlyMap<string, Spoken> = new Map([
  ["response.output_text", { whole: "text", say: (text) => ({ type: "text", choice: 0, text }) }],
  ["response.refusal", { whole: "refusal", say: (text) => ({ type: "refusal", choice: 0, text }) }],
  ["response.reasoning_text", reasoning],
  ["response.reasoning_summary_text", reasoning],
]);

/** Calls of one answer, and parts that are open at once: far more than come to be. */
const MAX_PARTS = 1_024;

/** What is no number is no name either that could be kept. */
const placeOf = (index: unknown): string => String(numberOf(index));

const STEP = /^(.+)\.(delta|done)$/;

/** Reads the events of one Responses stream. Events that are not known, such as what tools of OpenAI's do, say nothing. */
export function createEventReader(judge: Judge): WireReader {
  const calls = createCallReader();
  /** Parts of which a piece was said and that are not done. */
  const begun = new Set<string>();
  /** An event came that is no end. */
  let hasBegun = false;
  let id = "";
  let model = "";

  function readEvent(event: JsonObject): readonly Shown[] {
    const type = String(event.type);
    switch (type) {
      case "response.created":
      case "response.in_progress":
      case "response.queued":
        name(objectOf(event.response) ?? {});
        return [];
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
      case "response.cancelled":
        return hasBegun || type === "response.failed" ? endOf(event) : failed(NOTHING_SAID);
      case "response.output_item.added":
        return calls.item(event, "");
      case "response.output_item.done":
        return calls.item(event, textOf(objectOf(event.item)?.arguments) ?? "");
      case "response.function_call_arguments.delta":
        return calls.piece(event);
      case "error":
        return failed(judge(flat(event)) ?? BROKEN_OFF);
    }
    const [, subject = "", step] = STEP.exec(type) ?? [];
    const spoken = SPOKEN.get(subject);
    if (spoken !== undefined) return speak(event, subject, spoken, step === "done");
    return isObject(event.error) ? failed(judge(event) ?? BROKEN_OFF) : [];
  }

  function name(response: JsonObject): void {
    id = textOf(response.id) ?? id;
    model = textOf(response.model) ?? model;
  }

  function speak(
    event: JsonObject,
    subject: string,
    { whole, say }: Spoken,
    isDone: boolean,
  ): readonly Shown[] {
    const { output_index, content_index, summary_index } = event;
    const part = `${subject} ${placeOf(output_index)} ${placeOf(content_index ?? summary_index)}`;
    if (isDone && begun.delete(part)) return [];
    // A part that comes in one piece has no delta.
    const text = textOf(isDone ? event[whole] : event.delta);
    if (!isDone) begun.add(part);
    if (begun.size > MAX_PARTS) return failed(TOO_MANY);
    return text === undefined ? [] : [say(text)];
  }

  function endOf({ type, response: raw }: JsonObject): readonly Shown[] {
    const response = objectOf(raw);
    if (response === undefined) return failed(UNREADABLE);
    name(response);
    const end = endIn({ ...response, status: statusIn(response, String(type)) }, judge);
    return "failure" in end ? [...end.usage, ...failed(end.failure)] : [...end.control, { type: "end" }];
  }

  return {
    readData(data) {
      // Some that stand before OpenAI write chat's end marker: it says nothing here.
      if (data.trim() === "[DONE]") return [];
      const event = parseJson(data);
      if (!isObject(event)) return failed(UNREADABLE);
      const read = readEvent(event);
      hasBegun = true;
      return read;
    },
    closed: () => [],
    get id() {
      return id;
    },
    get model() {
      return model;
    },
  };
}

/** Reads the client's functions that a response calls. */
function createCallReader() {
  /** By the item's place in the output: how much of its arguments was said. */
  const calls = new Map<string, { readonly call: number; said: number }>();
  return {
    /** @param whole arguments of a call that is done: what no piece has said of them is said now */
    item({ output_index, item }: JsonObject, whole: string): readonly Shown[] {
      const { type, call_id, name, arguments: begin } = objectOf(item) ?? {};
      if (type !== "function_call") return [];
      const place = placeOf(output_index);
      const known = calls.get(place);
      if (known !== undefined) {
        const rest = whole.slice(known.said);
        known.said += rest.length;
        return rest === "" ? [] : [{ type: "toolCall", choice: 0, call: known.call, arguments: rest }];
      }
      if (calls.size === MAX_PARTS) return failed(TOO_MANY);
      const text = whole || (textOf(begin) ?? "");
      const opened = { call: calls.size, said: text.length };
      calls.set(place, opened);
      const names = { id: textOf(call_id) ?? "", name: textOf(name) ?? "" };
      return [{ type: "toolCall", choice: 0, call: opened.call, ...names, arguments: text }];
    },
    piece({ output_index, delta }: JsonObject): readonly Shown[] {
      const known = calls.get(placeOf(output_index));
      const text = textOf(delta);
      if (known === undefined || text === undefined) return [];
      known.said += text.length;
      return [{ type: "toolCall", choice: 0, call: known.call, arguments: text }];
    },
  };
}

type Control = Extract<GenerationEvent, { readonly type: "finish" | "usage" }>;
type Told = readonly Control[];

/** How a response object says that it ended: its finish and usage, or why it failed. */
export function endIn(
  response: JsonObject,
  judge: Judge,
): { readonly control: Told } | { readonly failure: VendorFailure; readonly usage: Told } {
  const counted = usageIn(response);
  const usage: Told = counted === undefined ? [] : [{ type: "usage", usage: counted }];
  const { status, error } = response;
  const isWhole = status === "completed" || status === "incomplete";
  if (!isWhole || isObject(error)) {
    return { failure: judge({ error }) ?? (status === "cancelled" ? TAKEN_BACK : BROKEN_OFF), usage };
  }
  return { control: [{ type: "finish", choice: 0, reason: reasonOf(response) }, ...usage] };
}

/** The event's own name counts where the object says nothing, or still what it said at the beginning. */
function statusIn({ status }: JsonObject, type: string): unknown {
  const named = type.replace("response.", "");
  return status === "failed" || status === "cancelled" ? status : named;
}

function reasonOf({ status, incomplete_details, output }: JsonObject): FinishReason {
  if (status === "incomplete") {
    return objectOf(incomplete_details)?.reason === "content_filter" ? "content_filter" : "length";
  }
  return listOf(output).some((item) => objectOf(item)?.type === "function_call") ? "tool_calls" : "stop";
}

/** OpenAI's schema has the error's fields in the event itself, its servers send them within `error`. */
function flat(event: JsonObject): JsonObject {
  if (isObject(event.error)) return event;
  const { code, message, param } = event;
  return { error: { code, message: message ?? "The vendor sent an error.", param } };
}

const UNREADABLE = unreadable("invalid_frame", "The vendor's stream held a frame that is not a JSON object.");
const NOTHING_SAID = unreadable("no_content", "The vendor ended its stream before it had begun.");
const TOO_MANY = unreadable("too_many_parts", `The vendor's answer has more than ${MAX_PARTS} parts.`);
const BROKEN_OFF = unreadable("response_failed", "The vendor broke off the answer.");
const TAKEN_BACK = unreadable("response_cancelled", "The vendor cancelled the answer.");

const failed = (failure: VendorFailure): readonly Shown[] => [{ type: "failure", failure }];
