import type { JsonObject } from "../../../core/generation.ts";
import { ownOf } from "../../../core/own-of.ts";
import type { SoundFile } from "../../../core/sound.ts";
import type { Target, VendorCall } from "../../adapter.ts";
import { unsupported } from "../../failure/unsupported.ts";
import { listOf, textOf } from "../../json.ts";
import { authorized, type Service } from "../../openai-services/service.ts";
import { nativeBase } from "../native-base.ts";
import { readTranscript } from "./transcript.ts";
import { openTranscriptStream } from "./transcript-stream.ts";

/**
 * Qwen3-ASR (docs.qwencloud.com/api-reference/speech-recognition/qwen-asr/openai and …/dashscope,
 * alibabacloud.com/help/en/model-studio/qwen-asr-api-reference; seen 2026-11): the models that answer at once. Long files
 * are jobs of another model, and must lie where the vendor can fetch them.
 */
const WRITES_DOWN = /^qwen3-asr-flash(?!.*(?:filetrans|realtime))/;

/** Of the recording as a data URL. */
const MOST_URL_CHARS = 10 * 1024 * 1024;
const MOST_SECONDS = 5 * 60;

/** What `asr_options.language` takes. */
const LANGUAGES: ReadonlySet<string> = new Set(
  "zh yue en ja de ko ru fr pt ar it es hi id th tr uk vi cs da fil fi is ms no pl sv".split(" "),
);

/** The kinds of file that Qwen names as taken, by the ends of their names. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  aac: "audio/aac",
  aiff: "audio/aiff",
  amr: "audio/amr",
  avi: "video/x-msvideo",
  flac: "audio/flac",
  flv: "video/x-flv",
  m4a: "audio/mp4",
  mkv: "video/x-matroska",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  mpeg: "video/mpeg",
  mpga: "audio/mpeg",
  ogg: "audio/ogg",
  opus: "audio/opus",
  wav: "audio/wav",
  webm: "audio/webm",
  wma: "audio/x-ms-wma",
  wmv: "video/x-ms-wmv",
};

/** `enable_itn` (digits for numbers) is Qwen's own word beside OpenAI's. */
const KNOWN: ReadonlySet<string> = new Set([
  "model",
  "language",
  "prompt",
  "response_format",
  "stream",
  "timestamp_granularities",
  "enable_itn",
]);

/**
 * A recording in the message of a chat, by the mode compatible with OpenAI; at a base URL of DashScope's own protocol by
 * that, which has more regions, and is asked for whole answers alone: whether its events repeat what was said is not told.
 */
export const transcription: Service = {
  buildCall(request, target): VendorCall {
    if (!WRITES_DOWN.test(target.model)) {
      throw unsupported("model", `The model '${target.model}' is none of Qwen3-ASR that answers at once.`);
    }
    refuseTimes(request.body);
    const { sound } = request;
    if (sound === undefined) throw new Error("a transcription without a recording");
    const language = languageOf(request.body);
    const url = dataUrlOf(sound);
    const asked = { prompt: textOf(request.body.prompt), options: optionsOf(request.body, language), url };
    const dropped = Object.entries(request.body).flatMap(([name, value]) => {
      if (value === undefined || value === null) return [];
      return KNOWN.has(name) && (name !== "language" || language !== undefined) ? [] : [name];
    });
    const call = isNative(target) ? nativeCall(asked, target) : compatibleCall(asked, target, request.stream);
    return dropped.length === 0 ? call : { ...call, dropped };
  },
  readAnswer: readTranscript,
  openStream: (_request, judge) => openTranscriptStream(judge),
};

interface Asked {
  /** Words that may come up: what Qwen calls the context. */
  readonly prompt: string | undefined;
  readonly options: JsonObject;
  readonly url: string;
}

const isNative = ({ baseUrl }: Target): boolean => nativeBase(baseUrl) === baseUrl;

function compatibleCall({ prompt, options, url }: Asked, target: Target, stream: boolean): VendorCall {
  const heard = { role: "user", content: [{ type: "input_audio", input_audio: { data: url } }] };
  const context = { role: "system", content: [{ type: "text", text: prompt }] };
  const body = {
    model: target.model,
    messages: prompt === undefined ? [heard] : [context, heard],
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
    ...options,
  };
  return {
    method: "POST",
    url: `${target.baseUrl}/chat/completions`,
    headers: authorized(target, "application/json", stream ? "text/event-stream" : "application/json"),
    body: JSON.stringify(body),
  };
}

function nativeCall({ prompt, options, url }: Asked, target: Target): VendorCall {
  const heard = { role: "user", content: [{ audio: url }] };
  const context = { role: "system", content: [{ text: prompt }] };
  const body = {
    model: target.model,
    input: { messages: prompt === undefined ? [heard] : [context, heard] },
    parameters: { result_format: "message", ...options },
  };
  return {
    method: "POST",
    url: `${target.baseUrl}/services/aigc/multimodal-generation/generation`,
    headers: authorized(target, "application/json", "application/json"),
    body: JSON.stringify(body),
  };
}

/** Nothing says when a word was spoken, nor by whom: an answer without it would pass for one. */
function refuseTimes({ response_format: format, timestamp_granularities: times }: JsonObject): void {
  if (format !== undefined && format !== null && format !== "json" && format !== "text") {
    throw unsupported("response_format", "Qwen's transcripts are given as 'json' or 'text'.");
  }
  if (listOf(times).length > 0 || textOf(times) !== undefined) {
    throw unsupported("timestamp_granularities", "Qwen does not say when a word was spoken.");
  }
}

/** `de-DE` is heard as `de`; undefined for what Qwen does not know, which then listens by itself. */
function languageOf({ language }: JsonObject): string | undefined {
  const [primary = ""] = (textOf(language) ?? "").toLowerCase().split("-");
  return LANGUAGES.has(primary) ? primary : undefined;
}

function optionsOf({ enable_itn }: JsonObject, language: string | undefined): JsonObject {
  const options = {
    ...(language === undefined ? {} : { language }),
    ...(enable_itn === undefined || enable_itn === null
      ? {}
      : { enable_itn: enable_itn === true || enable_itn === "true" }),
  };
  return Object.keys(options).length === 0 ? {} : { asr_options: options };
}

function dataUrlOf({ name, contentType, bytes, likelySeconds, isTold }: SoundFile): string {
  if (isTold === true && likelySeconds > MOST_SECONDS) {
    throw unsupported("file", `Qwen writes down recordings of at most ${MOST_SECONDS} seconds.`);
  }
  const url = `data:${mediaTypeOf(name, contentType)};base64,`;
  if (url.length + Math.ceil(bytes.byteLength / 3) * 4 > MOST_URL_CHARS) {
    throw unsupported("file", `Qwen takes recordings of at most ${MOST_URL_CHARS} bytes in base64.`);
  }
  return url + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function mediaTypeOf(name: string, contentType: string): string {
  const [told = ""] = contentType.toLowerCase().split(";");
  if (/^(?:audio|video)\/[\w.+-]+$/.test(told.trim())) return told.trim();
  const end = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const known = ownOf(MEDIA_TYPES, end);
  if (known !== undefined) return known;
  throw unsupported(
    "file",
    "Qwen must be told the kind of the recording: name it by its end, such as '.mp3'.",
  );
}
