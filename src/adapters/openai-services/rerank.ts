import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import { isPlausible, NO_USAGE, type Usage } from "../../core/usage.ts";
import type { VendorAnswer } from "../adapter.ts";
import { isObject, listOf, numberOf, objectOf, textOf } from "../json.ts";
import { noResult, readObject } from "./json-answer.ts";
import { authorized, type Judge, type Service } from "./service.ts";

/** `POST /rerank` as Jina, Cohere, vLLM and the servers that follow them have it. */
export const rerank: Service = {
  buildCall: (request, target) => ({
    method: "POST",
    url: `${target.baseUrl}/rerank`,
    headers: authorized(target, "application/json", "application/json"),
    body: JSON.stringify({ ...request.body, model: target.model }),
  }),
  readAnswer: readRanking,
};

/**
 * The ranking in one form, whoever answered: Jina's and Cohere's have `results` at the top, DashScope's own in `output`.
 * Documents are the client's own, by their place: vendors give them back as texts, as objects, or not at all.
 */
export function readRanking(request: GenerationRequest, body: Uint8Array, judge: Judge): VendorAnswer {
  const read = readObject(body, judge);
  if ("failure" in read) return { ok: false, failure: read.failure };
  const { parsed } = read;
  const documents = listOf(request.body.documents);
  const raw = listOf(parsed.results ?? objectOf(parsed.output)?.results ?? parsed.data);
  const ranked = raw.map((result) => rankedOf(result, documents, request.body.return_documents === true));
  if (ranked.length === 0 || !ranked.every((each) => each !== undefined)) {
    return { ok: false, failure: judge(parsed) ?? noResult() };
  }
  const results = ranked
    .sort((a, b) => b.relevance_score - a.relevance_score)
    .slice(0, numberOf(request.body.top_n) ?? documents.length);
  const usage = usageIn(parsed);
  const id = textOf(parsed.id) ?? textOf(parsed.request_id);
  const shown: JsonObject = {
    ...(id === undefined ? {} : { id }),
    object: "list",
    model: request.model,
    results,
    ...(usage === undefined ? {} : { usage: { prompt_tokens: usage.input, total_tokens: usage.input } }),
  };
  const bytes = Buffer.from(JSON.stringify(shown));
  return { ok: true, body: bytes, parsed: shown, usage, finishReasons: [], outputChars: 0 };
}

interface RankedDocument {
  readonly index: number;
  readonly relevance_score: number;
  readonly document?: { readonly text: unknown };
}

/** Undefined: it is no result, or one of a document that nobody sent. */
function rankedOf(
  result: unknown,
  documents: readonly unknown[],
  isShown: boolean,
): RankedDocument | undefined {
  if (!isObject(result)) return undefined;
  const index = numberOf(result.index);
  const score = numberOf(result.relevance_score ?? result.score);
  if (index === undefined || score === undefined || documents[index] === undefined) return undefined;
  return {
    index,
    relevance_score: score,
    ...(isShown ? { document: { text: documents[index] } } : {}),
  };
}

/** Tokens, in each of the places where they are told; Cohere's searches are priced by the call. */
function usageIn(parsed: JsonObject): Usage | undefined {
  const told = objectOf(parsed.usage) ?? {};
  const billed = objectOf(objectOf(parsed.meta)?.billed_units) ?? {};
  const tokens = objectOf(objectOf(parsed.meta)?.tokens) ?? {};
  const input = numberOf(
    told.total_tokens ?? told.prompt_tokens ?? billed.input_tokens ?? tokens.input_tokens,
  );
  if (input === undefined || input === 0) return undefined;
  const usage = { ...NO_USAGE, input };
  return isPlausible(usage) ? usage : undefined;
}
