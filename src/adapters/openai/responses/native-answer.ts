import type { JsonObject } from "../../../core/generation.ts";
import type { VendorFailure } from "../../../core/vendor-failure.ts";
import type { VendorAnswer } from "../../adapter.ts";
import { isObject, listOf, objectOf, parseJson, textOf } from "../../json.ts";
import { looksLikeStream } from "../../openai-family/assemble.ts";
import { unreadable } from "../../openai-family/errors.ts";
import type { Judge } from "../../openai-services/service.ts";
import { readFrames } from "../../sse/event-stream.ts";
import { createEventReader, endIn } from "./events.ts";

/** A whole 2xx answer for a client of the same dialect: the bytes as they came, or the response that a stream ended with. */
export function readNativeAnswer(body: Uint8Array, judge: Judge): VendorAnswer {
  const text = new TextDecoder().decode(body).trimStart();
  const streamed = looksLikeStream(text) ? lastResponse(text, judge) : undefined;
  if (streamed !== undefined && "failure" in streamed) return { ok: false, failure: streamed.failure };
  const response = streamed?.response ?? objectOf(parseJson(text));
  if (response === undefined || !Array.isArray(response.output)) {
    const failure = response === undefined ? undefined : judge(response);
    return { ok: false, failure: failure ?? notAnAnswer(text) };
  }
  const end = endIn(response, judge);
  if ("failure" in end) return { ok: false, failure: end.failure };
  const usage = end.control.find(({ type }) => type === "usage");
  return {
    ok: true,
    dialect: "openai-responses",
    body: streamed === undefined ? body : Buffer.from(JSON.stringify(response)),
    parsed: response,
    usage: usage?.type === "usage" ? usage.usage : undefined,
    finishReasons: end.control.flatMap((event) => (event.type === "finish" ? [event.reason] : [])),
    outputChars: charsOf(response.output),
  };
}

function lastResponse(
  text: string,
  judge: Judge,
): { readonly response: JsonObject } | { readonly failure: VendorFailure } {
  const reader = createEventReader(judge);
  for (const { data = "" } of readFrames(text)) {
    if (data.trim() === "") continue;
    for (const said of reader.readData(data)) {
      if (said.type === "failure") return { failure: said.failure };
      const response = said.type === "end" ? objectOf(objectOf(parseJson(data))?.response) : undefined;
      if (response !== undefined) return { response };
    }
  }
  return { failure: unreadable("stream_cut", "The vendor's stream ended before its end marker.") };
}

/** UTF-16 units that were generated, for an estimate. */
function charsOf(output: readonly unknown[]): number {
  const words = output.flatMap((item) => {
    if (!isObject(item)) return [];
    const parts = [...listOf(item.content), ...listOf(item.summary)].map((part) => objectOf(part) ?? {});
    return [item.name, item.arguments, ...parts.flatMap(({ text, refusal }) => [text, refusal])];
  });
  return words.reduce<number>((sum, word) => sum + (textOf(word)?.length ?? 0), 0);
}

function notAnAnswer(text: string): VendorFailure {
  if (text === "") return unreadable("empty_body", "The vendor answered with an empty body.");
  if (text.startsWith("<")) return unreadable("html_body", "The vendor answered with an HTML page.");
  return unreadable("invalid_body", "The vendor's answer is no response.");
}
