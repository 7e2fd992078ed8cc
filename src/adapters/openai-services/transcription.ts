import type { GenerationRequest } from "../../core/generation.ts";
import type { VendorAnswer, VendorCall } from "../adapter.ts";
import { isObject, listOf } from "../json.ts";
import { encodeForm } from "../multipart.ts";
import { unreadable } from "../openai-family/errors.ts";
import { noResult, readObject } from "./json-answer.ts";
import { authorized, type Service } from "./service.ts";
import { subtitles } from "./subtitles.ts";
import { openTranscriptStream } from "./transcript-stream.ts";
import { transcriptUsage } from "./transcript-usage.ts";

/**
 * `POST /audio/transcriptions` and `/audio/translations`: a form out; an answer in whatever format the client wants. The
 * vendor is asked for the one that tells its usage: texts and subtitles say none, and are written here out of that.
 */
export const transcription: Service = {
  buildCall(request, target): VendorCall {
    const { sound, operation } = request;
    if (sound === undefined) throw new Error("a transcription without a recording");
    const { name, contentType, bytes } = sound;
    const form = encodeForm(fieldsOf(request, target.model), { field: "file", name, contentType, bytes });
    const accept = request.stream ? "text/event-stream" : "application/json";
    return {
      method: "POST",
      url: `${target.baseUrl}/audio/${operation}s`,
      headers: authorized(target, form.contentType, accept),
      body: form.body,
    };
  },
  readAnswer(request, body, judge): VendorAnswer {
    const read = readObject(body, judge);
    if ("failure" in read) return { ok: false, failure: read.failure };
    const { parsed } = read;
    const { text } = parsed;
    if (typeof text !== "string") return { ok: false, failure: judge(parsed) ?? noResult() };
    const whole = {
      ok: true,
      usage: transcriptUsage(parsed),
      finishReasons: [],
      outputChars: text.length,
    } as const;
    const format = request.body.response_format ?? "json";
    if (format === "text") return { ...whole, ...plain(`${text}\n`), parsed };
    if (format === "srt" || format === "vtt") {
      const lines = subtitles(format, listOf(parsed.segments).filter(isObject));
      if (lines !== undefined) return { ...whole, ...plain(lines), parsed };
      const message = "The vendor's answer does not say when what was said.";
      return { ok: false, failure: unreadable("no_segments", message) };
    }
    if (request.operation === "translation" && format === "json") {
      return { ...whole, body: Buffer.from(JSON.stringify({ text })), parsed: { text } };
    }
    return { ...whole, body, parsed };
  },
  openStream: (_request, judge) => openTranscriptStream(judge),
};

const plain = (text: string) => ({
  body: new Uint8Array(Buffer.from(text)),
  contentType: "text/plain; charset=utf-8",
});

/** The client's fields as a form has them; nothing that a client sets can name another file or model. */
function fieldsOf(request: GenerationRequest, model: string): (readonly [string, string])[] {
  const { response_format: _, model: __, file: ___, stream: ____, ...rest } = request.body;
  const fields: (readonly [string, string])[] = [["model", model]];
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined || value === null) continue;
    if (Array.isArray(value)) for (const item of value) fields.push([`${name}[]`, wordOf(item)]);
    else fields.push([name, wordOf(value)]);
  }
  fields.push(["response_format", askedFormat(request)]);
  if (request.stream) fields.push(["stream", "true"]);
  return fields;
}

const wordOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** A translation tells how long its recording is in this format alone (spec 2.3.0). */
function askedFormat({ operation, body }: GenerationRequest): string {
  if (operation === "translation") return "verbose_json";
  const format = body.response_format;
  if (format === "verbose_json" || format === "diarized_json") return format;
  return format === "srt" || format === "vtt" ? "verbose_json" : "json";
}
