import type { JsonObject } from "../../../core/generation.ts";
import type { SandboxSettings } from "../settings.ts";
import { fillerTokens, hashOf, tokensOf } from "../words.ts";
import { secondsOf, wordsIn } from "./wav.ts";

/** As fast as people speak. */
const WORDS_A_SECOND = 2.5;
const MOST_WORDS = 2_000;

/** What the sandbox hears: its own speech word for word, in others as many words as there is time for. */
export function transcriptAnswer(
  fields: JsonObject,
  recording: Uint8Array,
  settings: SandboxSettings,
): Response {
  const duration = secondsOf(recording);
  const text = wordsIn(recording) ?? filler(recording, duration);
  const told = { usage: { type: "duration", seconds: Math.ceil(duration) } };
  const usage = settings.usage === "none" ? {} : told;
  if (fields.stream === "true") return new Response(eventsOf(text, usage, settings), EVENTS);
  if (fields.response_format === "verbose_json") {
    const segment = { id: 0, start: 0, end: duration, text: ` ${text}` };
    return Response.json({
      task: "transcribe",
      language: "english",
      duration,
      text,
      segments: [segment],
      ...usage,
    });
  }
  return Response.json({ text, ...usage });
}

const EVENTS = { headers: { "content-type": "text/event-stream" } };

function filler(recording: Uint8Array, duration: number): string {
  const seed = hashOf(Buffer.from(recording.subarray(0, 4_096)).toString("latin1"));
  const count = Math.min(MOST_WORDS, Math.max(1, Math.round(duration * WORDS_A_SECOND)));
  return fillerTokens(seed, count).join("").trim();
}

function eventsOf(text: string, usage: object, { fail, at }: SandboxSettings): string {
  const deltas = tokensOf(text).map((delta) => frame({ type: "transcript.text.delta", delta }));
  const isCut = fail === "cut" || fail === "no_end" || fail === "reset";
  if (isCut) return deltas.slice(0, at ?? Math.ceil(deltas.length / 2)).join("");
  return `${deltas.join("")}${frame({ type: "transcript.text.done", text, ...usage })}data: [DONE]\r\n\r\n`;
}

const frame = (event: object): string => `data: ${JSON.stringify(event)}\r\n\r\n`;
