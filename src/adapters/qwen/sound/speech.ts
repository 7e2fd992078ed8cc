import type { GenerationRequest, JsonObject } from "../../../core/generation.ts";
import { ownOf } from "../../../core/own-of.ts";
import type { VendorCall } from "../../adapter.ts";
import { unsupported } from "../../failure/unsupported.ts";
import { authorized, type Service } from "../../openai-services/service.ts";
import { nativeBase } from "../native-base.ts";
import { openSpeechStream } from "./speech-stream.ts";

/**
 * Qwen3-TTS by DashScope's own protocol (alibabacloud.com/help/en/model-studio/qwen-tts-api, seen 2026-11): the models that
 * are billed by characters. The older qwen-tts is billed by tokens of sound, of which no hold here is sure to be enough;
 * models of conversations have another protocol.
 */
const SPEAKS = /^qwen3-tts-(?!.*realtime)/;
/** Take `instructions`. */
const FOLLOWS = /-instruct-/;

/** Characters of one text. How signs of Chinese count in this is not said: the vendor refuses what is left. */
const MOST_CHARS = 600;

/** OpenAI's own voices, of which Qwen has none: as they are mostly heard, by a voice of Qwen's for either kind. */
const OPENAI_VOICES: Readonly<Record<string, string>> = {
  alloy: "Cherry",
  ash: "Ethan",
  ballad: "Ethan",
  cedar: "Ethan",
  coral: "Cherry",
  echo: "Ethan",
  fable: "Cherry",
  marin: "Cherry",
  nova: "Cherry",
  onyx: "Ethan",
  sage: "Cherry",
  shimmer: "Cherry",
  verse: "Ethan",
};

/** `language_type` and `optimize_instructions` are Qwen's own words beside OpenAI's. */
const KNOWN: ReadonlySet<string> = new Set([
  "model",
  "input",
  "voice",
  "stream_format",
  "response_format",
  "language_type",
]);
const OF_INSTRUCTIONS = ["instructions", "optimize_instructions"];

/**
 * `POST …/multimodal-generation/generation`, always as events: they hold the sound itself. A whole answer holds a URL to a
 * file, which would have to be fetched after the vendor has charged for it.
 */
export const speech: Service = {
  buildCall(request, target): VendorCall {
    if (!SPEAKS.test(target.model)) {
      throw unsupported("model", `The model '${target.model}' is none of Qwen3-TTS that answers by HTTP.`);
    }
    const { input } = request.body;
    const text = typeof input === "string" ? input : "";
    if ([...text].length > MOST_CHARS) {
      throw unsupported("input", `Qwen reads at most ${MOST_CHARS} characters aloud at once.`);
    }
    const voice = voiceOf(request);
    const mayInstruct = FOLLOWS.test(target.model);
    const dropped = [
      ...(voice === request.body.voice ? [] : ["voice"]),
      // OpenAI's own is MP3, which clients may count on though they did not say so.
      ...(formatOf(request) === request.body.response_format ? [] : ["response_format"]),
      ...givenUp(request.body, mayInstruct),
    ];
    const wishes = mayInstruct ? ["language_type", ...OF_INSTRUCTIONS] : ["language_type"];
    const body = {
      model: target.model,
      input: { text, voice, ...picked(request.body, wishes) },
    };
    return {
      method: "POST",
      url: `${nativeBase(target.baseUrl)}/services/aigc/multimodal-generation/generation`,
      headers: {
        ...authorized(target, "application/json", "text/event-stream"),
        "x-dashscope-sse": "enable",
      },
      body: JSON.stringify(body),
      ...(dropped.length === 0 ? {} : { dropped }),
    };
  },
  openStream: (request, judge) => openSpeechStream(request, formatOf(request), judge),
};

export type SoundFormat = "wav" | "pcm";

/** What is made out of the samples that come; other formats would have to be encoded. */
function formatOf({ body }: GenerationRequest): SoundFormat {
  const format = body.response_format ?? "wav";
  if (format === "wav" || format === "pcm") return format;
  throw unsupported("response_format", "Qwen's sound is given as 'wav' or 'pcm'.");
}

function voiceOf({ body }: GenerationRequest): string {
  const { voice } = body;
  if (typeof voice !== "string") throw unsupported("voice", "Qwen knows voices by their names.");
  return ownOf(OPENAI_VOICES, voice) ?? voice;
}

/** Fields that the client set to something and Qwen has no word for. */
function givenUp(body: JsonObject, mayInstruct: boolean): readonly string[] {
  return Object.entries(body).flatMap(([name, value]) => {
    if (value === undefined || value === null || KNOWN.has(name)) return [];
    if (mayInstruct && OF_INSTRUCTIONS.includes(name)) return [];
    return name === "speed" && value === 1 ? [] : [name];
  });
}

const picked = (body: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(
    names.flatMap((name) => (body[name] === undefined || body[name] === null ? [] : [[name, body[name]]])),
  );
