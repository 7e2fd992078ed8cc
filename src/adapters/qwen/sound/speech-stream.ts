import type { GenerationEvent, GenerationRequest, JsonObject } from "../../../core/generation.ts";
import { MAX_ANSWER_BYTES } from "../../../core/limits.ts";
import { isPlausible, NO_USAGE, type Usage } from "../../../core/usage.ts";
import type { VendorFailure } from "../../../core/vendor-failure.ts";
import { EMPTY_PASSAGE, type Passage, type StreamReader } from "../../adapter.ts";
import { isObject, numberOf, objectOf, parseJson, textOf } from "../../json.ts";
import { brokenOff, unreadable } from "../../openai-family/errors.ts";
import { FRAME_TOO_LARGE } from "../../openai-family/frames.ts";
import type { Judge } from "../../openai-services/service.ts";
import { dataFrame } from "../../sse/data-frame.ts";
import { readFrame, readFrames } from "../../sse/event-stream.ts";
import { createFrameSplitter } from "../../sse/frame-splitter.ts";
import { billedCharacters } from "./characters.ts";
import { toldError } from "./told-error.ts";
import { samplesIn, waveHeader } from "./wave.ts";

/** Written where others write null: more is to come. */
const NOT_YET = "null";

/**
 * The reader of one speech of Qwen's: events of samples in base64, the last of which says `stop`, how many characters are
 * billed, and where the whole file lies, which nobody needs. Shown as sound, or as OpenAI's events.
 * @param format samples alone, or a WAV file of them
 */
export function openSpeechStream(
  { body }: GenerationRequest,
  format: "wav" | "pcm",
  judge: Judge,
): StreamReader {
  const splitter = createFrameSplitter();
  const delivered = { frames: 0, chars: 0, reasoningChars: 0 };
  const asEvents = body.stream_format === "sse";
  // Once it has begun to read, all of it is billed: known before the vendor tells, and where it never does.
  const counted = { ...NO_USAGE, characters: billedCharacters(textOf(body.input) ?? "") };
  let soundBytes = 0;
  let isOver = false;

  const failed = (failure: VendorFailure): GenerationEvent[] => {
    isOver = true;
    return [{ type: "failure", failure }];
  };

  /** What one event holds; the end's usage is the vendor's own count where it tells one. */
  function read(
    event: JsonObject,
    pieces: Uint8Array[],
  ): { events: GenerationEvent[]; closing?: Uint8Array } {
    const output = objectOf(event.output);
    if (output === undefined || textOf(event.code) !== undefined) {
      return { events: failed(toldError(event, judge) ?? FAILED) };
    }
    const data = textOf(objectOf(output.audio)?.data);
    if (data !== undefined) {
      const decoded = Buffer.from(data, "base64");
      const samples = soundBytes === 0 ? samplesIn(decoded) : decoded;
      if (samples === undefined) return { events: failed(NO_SAMPLES) };
      soundBytes += samples.byteLength;
      if (soundBytes > MAX_ANSWER_BYTES) return { events: failed(TOO_LARGE) };
      if (samples.byteLength > 0) pieces.push(samples);
    }
    const reason = textOf(output.finish_reason);
    if (reason === undefined || reason === NOT_YET) return { events: [] };
    if (reason !== "stop") return { events: failed(brokenOff(reason)) };
    isOver = true;
    // It said that it is done and sent no sound: whatever it billed, nothing was read aloud.
    if (soundBytes === 0) return { events: failed(NO_SOUND) };
    const usage = usageIn(event) ?? counted;
    return {
      events: [{ type: "usage", usage }, { type: "end" }],
      ...(asEvents ? { closing: dataFrame({ type: "speech.audio.done", usage: shownUsage(usage) }) } : {}),
    };
  }

  function passageOf(texts: Iterable<string | undefined>): Passage {
    const isFirst = soundBytes === 0;
    const pieces: Uint8Array[] = [];
    const events: GenerationEvent[] = [];
    let closing: Uint8Array | undefined;
    for (const data of texts) {
      if (data === undefined || isOver) continue;
      const event = parseJson(data);
      const told = isObject(event) ? read(event, pieces) : { events: failed(GARBAGE) };
      events.push(...told.events);
      closing = "closing" in told ? told.closing : closing;
    }
    if (pieces.length === 0)
      return { events, hasContent: false, ...(closing === undefined ? {} : { closing }) };
    delivered.frames += 1;
    const sound = Buffer.concat([...(isFirst && format === "wav" ? [waveHeader()] : []), ...pieces]);
    const shown = asEvents
      ? dataFrame({ type: "speech.audio.delta", audio: sound.toString("base64") })
      : new Uint8Array(sound);
    return {
      events: [{ type: "usage", usage: counted }, ...events],
      bytes: shown,
      hasContent: true,
      ...(closing === undefined ? {} : { closing }),
    };
  }

  return {
    delivered,
    push(chunk) {
      if (isOver) return EMPTY_PASSAGE;
      const block = splitter.push(chunk);
      const passage = block === undefined ? EMPTY_PASSAGE : passageOf(dataIn(block));
      if (!splitter.isOverflown || isOver) return passage;
      isOver = true;
      return { ...passage, events: [...passage.events, FRAME_TOO_LARGE] };
    },
    close() {
      if (isOver) return EMPTY_PASSAGE;
      const rest = Buffer.from(splitter.rest()).toString("utf8").trim();
      // A last frame may lack its empty line; half of one is a cut.
      const { data } = readFrame(rest);
      if (data !== undefined && isObject(parseJson(data))) return passageOf([data]);
      if (soundBytes > 0 || (!rest.startsWith("{") && !rest.startsWith("<"))) return EMPTY_PASSAGE;
      return { events: failed(toldError(parseJson(rest), judge) ?? NO_SOUND), hasContent: false };
    },
  };
}

function* dataIn(block: Uint8Array): Generator<string | undefined, void> {
  for (const { data } of readFrames(Buffer.from(block).toString("utf8"))) yield data;
}

/** `{"input_tokens":0,"output_tokens":0,"characters":195}` of the models that are billed so. */
function usageIn(event: JsonObject): Usage | undefined {
  const characters = numberOf(objectOf(event.usage)?.characters);
  if (characters === undefined || characters === 0) return undefined;
  const usage = { ...NO_USAGE, characters };
  return isPlausible(usage) ? usage : undefined;
}

/** OpenAI's fields, which count tokens, and the one that counts here. */
const shownUsage = ({ characters }: Usage) => ({
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  characters,
});

const FAILED = unreadable("error", "The vendor failed without a word of why.");
const GARBAGE = unreadable("invalid_frame", "The vendor sent a frame that is no JSON.");
const NO_SOUND = unreadable("no_sound", "The vendor's answer holds no sound.");
const NO_SAMPLES = unreadable("no_samples", "The vendor sent sound of another kind than was to come.");
const TOO_LARGE = unreadable("answer_too_large", `The vendor's answer exceeded ${MAX_ANSWER_BYTES} bytes.`);
