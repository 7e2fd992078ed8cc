import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import { likelyPromptTokens } from "../../core/likely-tokens.ts";
import { NO_USAGE, promptTokens, type Usage } from "../../core/usage.ts";
import type { VendorAnswer } from "../adapter.ts";
import { isObject, listOf, numberOf, objectOf, parseJson } from "../json.ts";
import { inWantedEncoding } from "../openai-family/embeddings.ts";
import { unreadable } from "../openai-family/errors.ts";
import { notAnAnswer } from "./answer.ts";
import { failureInside } from "./errors.ts";

/**
 * Vectors as OpenAI's body. Gemini tells no usage: `usage` is left undefined then, so that the meter estimates it and
 * says so on the receipt, and the body has the same estimate, which OpenAI's clients expect to find.
 */
export function readEmbedding(request: GenerationRequest, body: Uint8Array, secret: string): VendorAnswer {
  const text = new TextDecoder().decode(body).trimStart();
  const answer = parseJson(text);
  if (!isObject(answer) || (answer.embedding === undefined && answer.embeddings === undefined)) {
    return { ok: false, failure: failureInside(answer, secret) ?? notAnAnswer(text) };
  }
  const items = answer.embedding === undefined ? listOf(answer.embeddings) : [answer.embedding];
  const vectors = items.map(vectorIn);
  const { input, dimensions, encoding_format } = request.body;
  const asked = Array.isArray(input) ? input.length : 1;
  const whole = vectors.flatMap((vector) => (vector === undefined ? [] : [vector]));
  if (whole.length !== asked || vectors.length !== asked) {
    return { ok: false, failure: unreadable("no_result", "The vendor's answer lacks vectors.") };
  }
  const usage = usageIn(objectOf(answer.usageMetadata));
  const tokens = usage === undefined ? likelyPromptTokens(request.promptTokens) : promptTokens(usage);
  const shown = inWantedEncoding(
    {
      object: "list",
      data: whole.map((vector, index) => ({
        object: "embedding",
        index,
        embedding: typeof dimensions === "number" ? normalized(vector) : vector,
      })),
      model: request.model,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    },
    encoding_format,
  );
  const bytes = Buffer.from(JSON.stringify(shown));
  return { ok: true, body: bytes, parsed: shown, usage, finishReasons: [], outputChars: 0 };
}

function vectorIn(item: unknown): readonly number[] | undefined {
  const values = listOf(objectOf(item)?.values);
  const numbers = values.flatMap((value) => numberOf(value) ?? []);
  return numbers.length > 0 && numbers.length === values.length ? numbers : undefined;
}

/** To length 1, as OpenAI's are: Gemini does not do so with vectors that it shortens. */
function normalized(vector: readonly number[]): readonly number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

function usageIn(raw: JsonObject | undefined): Usage | undefined {
  const input = numberOf(raw?.promptTokenCount);
  return input !== undefined && Number.isSafeInteger(input) && input > 0 ? { ...NO_USAGE, input } : undefined;
}
