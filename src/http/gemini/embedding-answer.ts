import type { JsonObject } from "../../core/generation.ts";
import type { AnswerGeneration, Gateway } from "../../gateway/gateway.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { type Asked, generate } from "./content-answer.ts";
import type { EmbedRequest } from "./embedding-request.ts";
import { contentHeaders } from "./headers.ts";
import { toGeminiUsage } from "./usage.ts";

/**
 * Answers `:embedContent` and `:batchEmbedContents`.
 * @param signal the client went away
 */
export async function answerEmbedding(
  gateway: Gateway,
  { caller, id, path, wishes }: Asked,
  { request, isBatch, dropped }: EmbedRequest,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const generation = await generate(gateway, caller, request, {
    ...wishes,
    ...{ requestId: id, path, mode: "passthrough" },
    ...(signal === undefined ? {} : { signal }),
  });
  if (generation.kind !== "answer") throw new Error("embeddings were answered as a stream");
  const { started, answer, final } = generation;
  const headers = contentHeaders(started, dropped, final.cost);
  headers["content-type"] = "application/json; charset=UTF-8";
  const own = answer.dialect === undefined ? undefined : answer.body;
  return new Response(own ?? JSON.stringify(vectorsOf(generation, isBatch)), { headers });
}

/** OpenAI's vectors in Gemini's form. */
function vectorsOf({ answer, final }: AnswerGeneration, isBatch: boolean): JsonObject {
  const embeddings = listIn(answer.parsed.data).map((one) => ({ values: objectIn(one)?.embedding }));
  const { promptTokenCount } = toGeminiUsage(final.usage);
  const usageMetadata = { promptTokenCount };
  return isBatch ? { embeddings, usageMetadata } : { embedding: embeddings[0], usageMetadata };
}
