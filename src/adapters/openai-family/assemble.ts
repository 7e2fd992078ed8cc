import type { FinishReason, GenerationEvent, GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { isObject, listOf, numberOf, parseJson } from "../json.ts";
import { readFrames } from "../sse/event-stream.ts";
import { unreadable } from "./errors.ts";
import { ChunkReader } from "./events.ts";
import type { Member } from "./member.ts";
import { rawUsageIn } from "./usage.ts";

/** True for the body of a stream: some models only stream (Qwen with thinking), whatever the client asked for. */
export const looksLikeStream = (text: string): boolean => /^(?:data|event|id|retry)?:/.test(text);

/** The whole answer that a whole stream amounts to, in the shape of the operation. */
export function assembleStream(
  member: Member,
  request: GenerationRequest,
  text: string,
  secret: string,
): { readonly answer: JsonObject } | { readonly failure: VendorFailure } {
  const reader = new ChunkReader(member, secret);
  const choices = new Map<number, Choice>();
  let head: JsonObject | undefined;
  let usage: JsonObject | undefined;

  for (const { data } of readFrames(text)) {
    const trimmed = data?.trim() ?? "";
    if (trimmed === "") continue;
    if (trimmed === "[DONE]") return { answer: answerOf(request, head ?? {}, choices, usage) };
    const chunk = parseJson(trimmed);
    const reading = reader.read(trimmed);
    for (const event of [...reading.content, ...reading.control]) {
      if (event.type === "failure") return { failure: event.failure };
      takeEvent(choices, event);
    }
    if (!isObject(chunk)) continue;
    head ??= listOf(chunk.choices).length > 0 ? chunk : undefined;
    usage = rawUsageIn(chunk) ?? usage;
    takeLogprobs(choices, chunk);
  }
  return { failure: unreadable("stream_cut", "The vendor's stream ended before its end marker.") };
}

interface Choice {
  text: string;
  reasoning: string;
  refusal: string;
  readonly calls: { id: string; name: string; arguments: string }[];
  readonly logprobs: unknown[];
  finish: FinishReason | null;
}

function choiceAt(choices: Map<number, Choice>, index: number): Choice {
  const known = choices.get(index);
  if (known !== undefined) return known;
  const fresh: Choice = { text: "", reasoning: "", refusal: "", calls: [], logprobs: [], finish: null };
  choices.set(index, fresh);
  return fresh;
}

function takeEvent(choices: Map<number, Choice>, event: GenerationEvent): void {
  switch (event.type) {
    case "text":
      choiceAt(choices, event.choice).text += event.text;
      return;
    case "reasoning":
      choiceAt(choices, event.choice).reasoning += event.text;
      return;
    case "refusal":
      choiceAt(choices, event.choice).refusal += event.text;
      return;
    case "toolCall": {
      const { calls } = choiceAt(choices, event.choice);
      const call = calls[event.call] ?? { id: "", name: "", arguments: "" };
      calls[event.call] = call;
      call.id = event.id ?? call.id;
      call.name = event.name ?? call.name;
      call.arguments += event.arguments;
      return;
    }
    case "finish":
      choiceAt(choices, event.choice).finish = event.reason;
      return;
    case "usage":
    case "failure":
    case "end":
      return;
  }
}

function takeLogprobs(choices: Map<number, Choice>, chunk: JsonObject): void {
  for (const choice of listOf(chunk.choices)) {
    if (!isObject(choice) || !isObject(choice.logprobs)) continue;
    choiceAt(choices, numberOf(choice.index) ?? 0).logprobs.push(...listOf(choice.logprobs.content));
  }
}

function answerOf(
  request: GenerationRequest,
  head: JsonObject,
  choices: ReadonlyMap<number, Choice>,
  usage: JsonObject | undefined,
): JsonObject {
  const isChat = request.operation === "chat";
  const inOrder = [...choices].sort(([a], [b]) => a - b);
  const { id, created, model, system_fingerprint, service_tier } = head;
  return {
    id,
    object: isChat ? "chat.completion" : "text_completion",
    created,
    model,
    choices: inOrder.map(([index, choice]) => wholeChoice(isChat, index, choice)),
    ...(usage === undefined ? {} : { usage }),
    ...(service_tier === undefined ? {} : { service_tier }),
    ...(system_fingerprint === undefined ? {} : { system_fingerprint }),
  };
}

function wholeChoice(isChat: boolean, index: number, choice: Choice): JsonObject {
  const logprobs = choice.logprobs.length === 0 ? null : { content: choice.logprobs };
  if (!isChat) return { index, text: choice.text, logprobs, finish_reason: choice.finish };
  const calls = choice.calls.filter((call) => call !== undefined);
  const message = {
    role: "assistant",
    content: choice.text === "" && calls.length > 0 ? null : choice.text,
    refusal: choice.refusal === "" ? null : choice.refusal,
    ...(choice.reasoning === "" ? {} : { reasoning_content: choice.reasoning }),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map((call) => ({
            id: call.id,
            type: "function",
            function: { name: call.name, arguments: call.arguments },
          })),
        }),
  };
  return { index, message, logprobs, finish_reason: choice.finish };
}
