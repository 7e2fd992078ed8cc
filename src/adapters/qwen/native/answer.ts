import type { GenerationRequest } from "../../../core/generation.ts";
import type { VendorAnswer } from "../../adapter.ts";
import { isObject, parseJson } from "../../json.ts";
import { looksLikeStream } from "../../openai-family/assemble.ts";
import { unreadable } from "../../openai-family/errors.ts";
import type { Shown } from "../../openai-frames/shown.ts";
import { wholeAnswer } from "../../openai-frames/whole-answer.ts";
import { readFrames } from "../../sse/event-stream.ts";
import { failureInside, notAnAnswer } from "./errors.ts";
import { createEventReader, type EventReader } from "./events.ts";

/**
 * A whole 2xx answer as OpenAI's body. It is read as the only event of a stream, so that both mean the same; with
 * thinking it is one, since some models refuse to think for a whole answer.
 * @param created epoch seconds, which DashScope does not say
 */
export function readAnswer(
  request: GenerationRequest,
  body: Uint8Array,
  secret: string,
  created: number,
): VendorAnswer {
  const text = new TextDecoder().decode(body).trimStart();
  const reader = createEventReader(request, secret);
  const shown = looksLikeStream(text) ? readStream(reader, text) : readWhole(reader, text, secret);
  return wholeAnswer({ id: reader.id, model: reader.model, created }, shown);
}

function readWhole(reader: EventReader, text: string, secret: string): readonly Shown[] {
  const parsed = parseJson(text);
  if (isObject(parsed) && isObject(parsed.output)) return reader.readResult(parsed);
  return [{ type: "failure", failure: failureInside(parsed, secret) ?? notAnAnswer(text) }];
}

function readStream(reader: EventReader, text: string): readonly Shown[] {
  const shown: Shown[] = [];
  for (const { data } of readFrames(text)) if (data !== undefined) shown.push(...reader.readData(data));
  const isWhole = reader.closed().some(({ type }) => type === "end");
  if (isWhole || shown.some(({ type }) => type === "failure")) return shown;
  return [{ type: "failure", failure: unreadable("cut", "The vendor's answer was cut off.") }];
}
