import type { JsonObject } from "../../core/generation.ts";
import { compact, completionTokens, NO_USAGE, promptTokens, type Usage } from "../../core/usage.ts";
import type { VendorFailure } from "../../core/vendor-failure.ts";
import { scrub } from "../failure/scrub.ts";
import { isObject, objectOf, parseJson, textOf } from "../json.ts";
import { unreadable } from "../openai-family/errors.ts";
import type { RealtimeNews, RealtimeReader } from "../realtime-adapter.ts";
import { heardUsage, realtimeUsage } from "./usage.ts";

/** Base64 characters of a second of sound: 24 kHz of 16 bits, or 8 kHz of 8 as telephones have it. */
const PCM_CHARS_A_SECOND = 64_000;
const PHONE_CHARS_A_SECOND = 10_667;
/** A token is 100 ms of what is heard and 50 ms of what is said; text has about 4 characters a token. */
const HEARD_TOKENS_A_SECOND = 10;
const SAID_TOKENS_A_SECOND = 20;
const CHARS_PER_TOKEN = 4;

/** Frames that mean something here; all others pass unread. One that only quotes such a word is read and means nothing. */
const TELLING =
  /"(?:session\.created|session\.updated|response\.created|response\.done|error|conversation\.item\.input_audio_transcription\.completed)"/;
const SAID_SOUND = /"response\.(?:output_)?audio\.delta"/;
const SAID_TEXT = /"response\.[a-z_.]{1,60}\.delta"/;
const HEARD = /"input_audio_buffer\.append"/;

const NOTHING: RealtimeNews = {};

/** The reader of one conversation with OpenAI's Realtime API. */
export function createRealtimeReader(
  judge: (event: unknown) => VendorFailure | undefined,
  secret: string,
): RealtimeReader {
  let last: Usage = NO_USAGE;
  let heardChars = 0;
  let typedChars = 0;
  let answers = 0;
  let said = { sound: 0, text: 0 };
  let charsASecond = PCM_CHARS_A_SECOND;
  let failure: VendorFailure | undefined;

  const heardTokens = (): number => Math.ceil((heardChars / charsASecond) * HEARD_TOKENS_A_SECOND);

  function usageOf(event: JsonObject): RealtimeNews {
    answers = Math.max(0, answers - 1);
    const usage = realtimeUsage(objectOf(event.response)?.usage);
    // Said nothing of it: what was delivered is what there is to go by.
    const counted = usage ?? (said.sound + said.text > 0 ? estimate() : undefined);
    said = { sound: 0, text: 0 };
    if (counted === undefined) return NOTHING;
    last = counted;
    heardChars = 0;
    typedChars = 0;
    return { usage: counted };
  }

  /** An answer reads all that came before it. */
  function estimate(): Usage {
    const { input, cachedInput, audioInput = 0, imageInput = 0 } = last;
    return compact({
      ...NO_USAGE,
      input: input + completionTokens(last) + Math.ceil(typedChars / CHARS_PER_TOKEN),
      cachedInput,
      audioInput: audioInput + heardTokens(),
      imageInput,
      output: Math.ceil(said.text / CHARS_PER_TOKEN),
      audioOutput: Math.ceil((said.sound / charsASecond) * SAID_TOKENS_A_SECOND),
    });
  }

  function failed(event: JsonObject): RealtimeNews {
    failure = judge(event) ?? unreadable("error", "The vendor failed.");
    const error = objectOf(event.error) ?? {};
    const message = textOf(error.message);
    if (message === undefined) return { failure };
    return {
      failure,
      shown: JSON.stringify({ ...event, error: { ...error, message: scrub(message, secret) } }),
    };
  }

  function noteFormat({ session }: JsonObject): void {
    const format = objectOf(objectOf(objectOf(session)?.audio)?.input)?.format;
    const type = textOf(objectOf(format)?.type) ?? textOf(format) ?? "";
    if (/pcm[ua]|g711/.test(type)) charsASecond = PHONE_CHARS_A_SECOND;
    else if (type !== "") charsASecond = PCM_CHARS_A_SECOND;
  }

  return {
    fromVendor(frame) {
      if (!TELLING.test(frame)) {
        if (SAID_SOUND.test(frame)) said.sound += frame.length;
        else if (SAID_TEXT.test(frame)) said.text += deltaChars(frame);
        return NOTHING;
      }
      const event = parseJson(frame);
      if (!isObject(event)) return NOTHING;
      switch (event.type) {
        case "session.created":
          noteFormat(event);
          return { begins: true };
        case "session.updated":
          noteFormat(event);
          return NOTHING;
        case "response.created":
          answers += 1;
          return NOTHING;
        case "response.done":
          return usageOf(event);
        case "conversation.item.input_audio_transcription.completed": {
          const usage = heardUsage(event);
          return usage === undefined ? NOTHING : { usage };
        }
        case "error":
          return failed(event);
        default:
          if (SAID_TEXT.test(frame)) said.text += deltaChars(frame);
          return NOTHING;
      }
    },
    fromClient(frame) {
      if (HEARD.test(frame)) heardChars += frame.length;
      else typedChars += frame.length;
    },
    closed: (code) => failure ?? closedBy(code),
    shownReason: (reason) => scrub(reason, secret),
    get pending() {
      return answers > 0 ? estimate() : NO_USAGE;
    },
    get contextTokens() {
      return (
        promptTokens(last) + completionTokens(last) + heardTokens() + Math.ceil(typedChars / CHARS_PER_TOKEN)
      );
    },
  };
}

/** Characters of a delta, without parsing what is mostly its envelope. */
function deltaChars(frame: string): number {
  const event = parseJson(frame);
  return isObject(event) ? (textOf(event.delta)?.length ?? 0) : 0;
}

/** 3000 is a bad key, 4000 a model or a header that is not taken (recorded 2026-09); both come behind a 101. */
function closedBy(code: number): VendorFailure {
  const words = {
    status: 0,
    vendorCode: `close_${code}`,
    message: `The vendor closed the connection (${code}).`,
  };
  if (code === 3000) return { fault: "key", code: "vendor_rejected", ...words };
  if (code === 4000) return { fault: "config", code: "vendor_rejected", ...words };
  return { fault: "vendor", code: "vendor_unavailable", ...words };
}
