import type { GenerationRequest } from "../../../core/generation.ts";
import { NO_USAGE } from "../../../core/usage.ts";
import type { VendorAnswer } from "../../adapter.ts";
import { isObject, listOf, numberOf, objectOf, parseJson } from "../../json.ts";
import { inWantedEncoding } from "../../openai-family/embeddings.ts";
import { unreadable } from "../../openai-family/errors.ts";
import { failureInside, notAnAnswer } from "./errors.ts";

/** Vectors as OpenAI's body. They say which text they belong to (`text_index`); their usage is one total. */
export function readEmbedding(request: GenerationRequest, body: Uint8Array, secret: string): VendorAnswer {
  const text = new TextDecoder().decode(body).trimStart();
  const answer = parseJson(text);
  const output = objectOf(objectOf(answer)?.output);
  if (!isObject(answer) || output === undefined) {
    return { ok: false, failure: failureInside(answer, secret) ?? notAnAnswer(text) };
  }
  const { input, encoding_format } = request.body;
  const asked = Array.isArray(input) ? input.length : 1;
  const byText = new Map(listOf(output.embeddings).map(vectorIn));
  const vectors = Array.from({ length: asked }, (_, at) => byText.get(at));
  if (vectors.some((vector) => vector === undefined)) {
    return { ok: false, failure: unreadable("no_result", "The vendor's answer lacks vectors.") };
  }
  const tokens = numberOf(objectOf(answer.usage)?.total_tokens);
  const isTold = tokens !== undefined && Number.isSafeInteger(tokens) && tokens > 0;
  const told = isTold ? { usage: { prompt_tokens: tokens, total_tokens: tokens } } : {};
  const data = vectors.map((embedding, index) => ({ object: "embedding", index, embedding }));
  const whole = { object: "list", data, model: request.model, ...told };
  const shown = inWantedEncoding(whole, encoding_format);
  return {
    ok: true,
    body: Buffer.from(JSON.stringify(shown)),
    parsed: shown,
    usage: isTold ? { ...NO_USAGE, input: tokens } : undefined,
    finishReasons: [],
    outputChars: 0,
  };
}

function vectorIn(item: unknown, position: number): readonly [number, readonly unknown[] | undefined] {
  const { text_index: at, embedding } = objectOf(item) ?? {};
  return [numberOf(at) ?? position, Array.isArray(embedding) ? listOf(embedding) : undefined];
}
