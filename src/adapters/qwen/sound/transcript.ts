import type { GenerationRequest, JsonObject } from "../../../core/generation.ts";
import type { Usage } from "../../../core/usage.ts";
import type { VendorFailure } from "../../../core/vendor-failure.ts";
import type { VendorAnswer } from "../../adapter.ts";
import { isObject, listOf, objectOf, textOf } from "../../json.ts";
import { brokenOff } from "../../openai-family/errors.ts";
import { noResult, readObject } from "../../openai-services/json-answer.ts";
import type { Judge } from "../../openai-services/service.ts";
import { transcriptUsage } from "../../openai-services/transcript-usage.ts";
import { toldError } from "./told-error.ts";

/** What a whole answer says, of either protocol. */
export type Transcript =
  | { readonly text: string; readonly usage: Usage | undefined }
  | { readonly failure: VendorFailure };

/** A whole answer in the format that the client wants: `json` or `text`. */
export function readTranscript(request: GenerationRequest, body: Uint8Array, judge: Judge): VendorAnswer {
  const read = transcriptIn(body, judge);
  if ("failure" in read) return { ok: false, failure: read.failure };
  const { text, usage } = read;
  const parsed = { text, ...shownUsage(usage) };
  const isPlain = request.body.response_format === "text";
  return {
    ok: true,
    body: Buffer.from(isPlain ? `${text}\n` : JSON.stringify(parsed)),
    ...(isPlain ? { contentType: "text/plain; charset=utf-8" } : {}),
    parsed,
    usage,
    finishReasons: [],
    outputChars: text.length,
  };
}

/** `choices` stand at the top in the compatible mode, in `output` in DashScope's own protocol. */
export function transcriptIn(body: Uint8Array, judge: Judge): Transcript {
  const read = readObject(body, judge);
  if ("failure" in read) return read;
  const { parsed } = read;
  const failure = toldError(parsed, judge);
  if (failure !== undefined) return { failure };
  const [choice] = listOf(parsed.choices ?? objectOf(parsed.output)?.choices);
  const message = objectOf(objectOf(choice)?.message);
  const text = message === undefined ? undefined : wordsIn(message.content);
  if (!isObject(choice) || text === undefined) return { failure: noResult() };
  const reason = textOf(choice.finish_reason) ?? "stop";
  // Half a transcript would pass for the whole.
  if (reason !== "stop") return { failure: brokenOff(reason) };
  return { text, usage: transcriptUsage(parsed) };
}

/** A text, or a list of `{ text }`; an empty one is a recording in which nothing was said. */
function wordsIn(content: unknown): string | undefined {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return undefined;
  return content.map((part) => textOf(objectOf(part)?.text) ?? "").join("");
}

/** As OpenAI's transcripts by their length say it. */
export const shownUsage = (usage: Usage | undefined): JsonObject =>
  usage === undefined || usage.seconds === 0 ? {} : { usage: { type: "duration", seconds: usage.seconds } };
