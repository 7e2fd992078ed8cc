import type { JsonObject } from "../../core/generation.ts";
import { MAX_ANSWER_BYTES } from "../../core/limits.ts";
import { isPlausible, NO_USAGE, type Usage } from "../../core/usage.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { EMPTY_PASSAGE, type Passage, type StreamReader } from "../adapter.ts";
import { numberOf, objectOf, parseJson, textOf } from "../json.ts";
import { unreadable } from "../openai-family/errors.ts";
import { createEventStreamReader, type EventKinds } from "./event-stream-reader.ts";
import type { Judge } from "./service.ts";

/** Bytes by which sound, events and errors that came instead can be told apart. */
const TELLING_BYTES = 16;
/** How much of an error that came instead of sound is read. */
const ERROR_BYTES = 16 * 1024;

/**
 * The reader of one speech. What comes is told by its first bytes: content types of vendors are wrong too often. Sound is
 * whole when its connection says so: then nothing but the transport can tell a cut.
 * @param wantsEvents the client is shown events; else the sound in them
 */
export function openSpeechStream(wantsEvents: boolean, judge: Judge): StreamReader {
  const delivered = { frames: 0, chars: 0, reasoningChars: 0 };
  const events = createEventStreamReader(kindsOf(wantsEvents), judge);
  let kind: "unknown" | "events" | "sound" | "error" = "unknown";
  let head: Uint8Array = new Uint8Array();
  let soundBytes = 0;
  let isOver = false;

  const fail = (failure: VendorFailure): Passage => {
    isOver = true;
    return { events: [{ type: "failure", failure }], hasContent: false };
  };
  const sound = (bytes: Uint8Array): Passage => {
    soundBytes += bytes.byteLength;
    if (soundBytes > MAX_ANSWER_BYTES) {
      return fail(unreadable("answer_too_large", `The vendor's answer exceeded ${MAX_ANSWER_BYTES} bytes.`));
    }
    if (bytes.byteLength === 0) return EMPTY_PASSAGE;
    delivered.frames += 1;
    return { events: [], bytes, hasContent: true };
  };
  const counted = (passage: Passage): Passage => {
    if (passage.hasContent) delivered.frames += 1;
    return passage;
  };
  const begin = (): Passage => {
    kind = kindOf(head);
    if (kind === "sound" && wantsEvents) {
      return fail(NO_EVENTS);
    }
    if (kind === "error") return EMPTY_PASSAGE;
    const first = head;
    head = new Uint8Array();
    return kind === "sound" ? sound(first) : counted(events.push(first));
  };

  return {
    delivered,
    push(chunk) {
      if (isOver) return EMPTY_PASSAGE;
      if (kind === "sound") return sound(chunk);
      if (kind === "events") return counted(events.push(chunk));
      if (head.byteLength < ERROR_BYTES) head = Buffer.concat([head, chunk]);
      return kind === "unknown" && head.byteLength >= TELLING_BYTES ? begin() : EMPTY_PASSAGE;
    },
    close() {
      if (isOver) return EMPTY_PASSAGE;
      const rest = kind === "unknown" && head.byteLength > 0 ? begin() : EMPTY_PASSAGE;
      if (isOver) return rest;
      isOver = true;
      if (kind === "error") {
        const text = new TextDecoder().decode(head);
        return fail(judge(parseJson(text)) ?? unreadable("no_sound", "The vendor's answer is no sound."));
      }
      if (kind === "events") return joined(rest, counted(events.close()));
      // Without a byte of sound nothing was read aloud.
      return soundBytes === 0 ? rest : { ...rest, events: [...rest.events, { type: "end" }] };
    },
  };
}

const NOTHING = new Uint8Array();

/** It cannot do what the client wants, which is no fault of its health. */
const NO_EVENTS: VendorFailure = {
  fault: "config",
  code: "unsupported_parameter",
  status: 200,
  vendorCode: "no_events",
  message: "The vendor gives sound alone: leave 'stream_format' out.",
  param: "stream_format",
};

const joined = (first: Passage, second: Passage): Passage => ({
  ...first,
  ...second,
  ...(first.bytes === undefined ? {} : { bytes: Buffer.concat([first.bytes, second.bytes ?? NOTHING]) }),
  events: [...first.events, ...second.events],
  hasContent: first.hasContent || second.hasContent,
});

/** No format of sound begins like a text of events, JSON or HTML. */
function kindOf(head: Uint8Array): "events" | "sound" | "error" {
  const text = Buffer.from(head).toString("latin1").trimStart();
  if (/^(?:data|event|id|retry)?:/.test(text)) return "events";
  if (/^\{\s*(?:["}]|$)/.test(text) || /^<(?:!doctype|html)/i.test(text)) return "error";
  return "sound";
}

const kindsOf = (wantsEvents: boolean): EventKinds => ({
  done: "speech.audio.done",
  usageIn: speechUsage,
  endsAlone: false,
  take(event) {
    const audio = event.type === "speech.audio.delta" ? textOf(event.audio) : undefined;
    // What is no base64 decodes to nothing, and is no sound.
    const sound = Buffer.from(audio ?? "", "base64");
    const hasContent = sound.byteLength > 0;
    return wantsEvents ? { hasContent } : { hasContent, shown: sound };
  },
});

/** What is read is text, what is made is sound (recorded: `{"input_tokens","output_tokens","total_tokens"}`). */
function speechUsage(event: JsonObject): Usage | undefined {
  const told = objectOf(event.usage);
  const input = numberOf(told?.input_tokens);
  const audioOutput = numberOf(told?.output_tokens);
  if (input === undefined || audioOutput === undefined || input + audioOutput === 0) return undefined;
  const usage = { ...NO_USAGE, input, audioOutput };
  return isPlausible(usage) ? usage : undefined;
}
