import type { JsonObject } from "../../core/generation.ts";
import type { AnswerGeneration, Gateway } from "../../gateway/gateway.ts";
import { answeredWhole } from "../generation-response.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";
import { type Asked, generate } from "./content-answer.ts";
import type { EmbedRequest } from "./embedding-request.ts";
import { setContentHeaders } from "./headers.ts";
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
  const own = answer.dialect === undefined ? undefined : answer.body;
  const body = own ?? JSON.stringify(vectorsOf(generation, isBatch));
  const response = answeredWhole(body, started, final.cost);
  setContentHeaders(response.headers, started, dropped);
  response.headers.set("content-type", "application/json; charset=UTF-8");
  return response;
}

/** OpenAI's vectors in Gemini's form. */
function vectorsOf({ answer, final }: AnswerGeneration, isBatch: boolean): JsonObject {
  const embeddings = listIn(answer.parsed.data).map((one) => ({ values: objectIn(one)?.embedding }));
  const { promptTokenCount } = toGeminiUsage(final.usage);
  const usageMetadata = { promptTokenCount };
  return isBatch ? { embeddings, usageMetadata } : { embedding: embeddings[0], usageMetadata };
}
