import type { JsonObject } from "../../core/generation.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import type { VendorAnswer } from "../adapter.ts";
import { isObject, listOf, parseJson, textOf } from "../json.ts";
import { looksLikeStream } from "../openai-family/assemble.ts";
import { unreadable } from "../openai-family/errors.ts";
import type { Shown } from "../openai-frames/shown.ts";
import { wholeAnswer } from "../openai-frames/whole-answer.ts";
import { readFrames } from "../sse/event-stream.ts";
import { failureInside } from "./errors.ts";
import { createEventReader, type EventReader } from "./events.ts";

/**
 * A whole 2xx answer, which may have come as a stream (see `request.ts`), as OpenAI's body. It is read as the
 * stream it could have been, so that both mean the same.
 */
export function readAnswer(body: Uint8Array, secret: string, created: number): VendorAnswer {
  const text = new TextDecoder().decode(body).trimStart();
  const reader = createEventReader(secret);
  const shown = looksLikeStream(text) ? readStream(reader, text) : readMessage(reader, text, secret);
  const { id, model } = reader;
  return wholeAnswer({ id, model, created }, shown);
}

function readStream(reader: EventReader, text: string): readonly Shown[] {
  const shown: Shown[] = [];
  for (const { data } of readFrames(text)) {
    if (data === undefined || data.trim() === "") continue;
    shown.push(...reader.readData(data));
    const last = shown.at(-1)?.type;
    if (last === "end" || last === "failure") return shown;
  }
  return [failure(unreadable("stream_cut", "The vendor's stream ended before its end marker."))];
}

function readMessage(reader: EventReader, text: string, secret: string): readonly Shown[] {
  const message = parseJson(text);
  if (!isObject(message) || message.type !== "message" || !Array.isArray(message.content)) {
    return [failure(failureInside(message, secret) ?? notAnAnswer(text))];
  }
  return eventsOf(message).flatMap((event) => reader.readEvent(event));
}

/** The events that a message would have been streamed in. */
function eventsOf(message: JsonObject): readonly JsonObject[] {
  const { content, stop_reason, stop_details, usage, ...start } = message;
  const blocks = listOf(content).flatMap((content_block, index): JsonObject[] => [
    { type: "content_block_start", index, content_block },
    { type: "content_block_stop", index },
  ]);
  const end = { type: "message_delta", delta: { stop_reason: textOf(stop_reason), stop_details }, usage };
  return [{ type: "message_start", message: start }, ...blocks, end];
}

const failure = (found: VendorFailure): Shown => ({ type: "failure", failure: found });

function notAnAnswer(text: string): VendorFailure {
  if (text === "") return unreadable("empty_body", "The vendor answered with an empty body.");
  if (text.startsWith("<")) return unreadable("html_body", "The vendor answered with an HTML page.");
  return unreadable("invalid_body", "The vendor's answer is no message.");
}
