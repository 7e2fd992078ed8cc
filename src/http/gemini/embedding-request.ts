import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import { parseEmbedding } from "../../gateway/requests/embedding.ts";
import { asBody, asObject, invalid } from "../../gateway/requests/fields.ts";
import { Losses } from "../losses.ts";
import { listIn } from "../openai/responses/chat-pieces.ts";
import { unsupported } from "../openai/responses/unsupported.ts";
import { partsIn } from "./contents.ts";
import { partsOf } from "./parts.ts";
import { plainBody } from "./plain-body.ts";
import { errorHere } from "./words.ts";

/** A body of `:embedContent` or `:batchEmbedContents`, read and checked. */
export interface EmbedRequest {
  /** As OpenAI's embeddings, and as it came. */
  readonly request: GenerationRequest;
  readonly isBatch: boolean;
  /** What OpenAI's form leaves out, in the client's words. */
  readonly dropped: readonly string[];
}

/** What OpenAI's embeddings say as well; other wishes nobody but Gemini understands. */
const IN_OPENAIS = new Set(["model", "content", "outputDimensionality"]);

/**
 * @param model as the path names it
 * @throws SluiceError naming the field that cannot be read
 */
export function parseEmbed(value: unknown, model: string, isBatch: boolean, bodyBytes: number): EmbedRequest {
  const body = plainBody(asBody(value));
  const losses = new Losses("Gemini");
  if (!isBatch && body.requests !== undefined) throw invalid("requests", "belongs to 'batchEmbedContents'");
  const requests = isBatch ? requestsIn(body) : [body];
  const texts = requests.map((one, at) =>
    textOf(one, isBatch ? `requests[${at}].content` : "content", losses),
  );
  const dimensions = dimensionsIn(requests, losses);
  const fields = {
    ...{ model, input: isBatch ? texts : texts[0] },
    ...(dimensions === undefined ? {} : { dimensions }),
  };
  const only = losses.only === undefined ? {} : { only: losses.only };
  return {
    request: { ...parsed(fields, bodyBytes), native: { dialect: "gemini", body, ...only } },
    isBatch,
    dropped: [...losses.dropped],
  };
}

function parsed(body: JsonObject, bodyBytes: number): GenerationRequest {
  try {
    return parseEmbedding(body, bodyBytes);
  } catch (thrown) {
    throw errorHere(thrown);
  }
}

function requestsIn(body: JsonObject): readonly JsonObject[] {
  const requests = listIn(body.requests);
  if (requests.length === 0) throw invalid("requests", "must hold at least one");
  return requests.map((one, at) => asObject(one, `requests[${at}]`));
}

function textOf({ content }: JsonObject, path: string, losses: Losses): string {
  if (content === undefined) throw invalid(path, "is required");
  const parts = partsIn(content, path).flatMap((part, at) => {
    // Embeddings come without a count: of what nobody here has seen there is nothing to charge by.
    if (part.fileData !== undefined)
      throw unsupported(`${path}.parts[${at}].fileData`, "what is embedded has to be in the request");
    return partsOf(part, `${path}.parts[${at}]`, losses);
  });
  if (parts.some(({ type }) => type !== "text")) losses.needOwn(path, "only texts are embedded elsewhere");
  return parts.flatMap(({ text }) => (typeof text === "string" ? [text] : [])).join("\n");
}

/** Elsewhere they are the same for all texts of a call. */
function dimensionsIn(requests: readonly JsonObject[], losses: Losses): unknown {
  for (const one of requests)
    for (const name of Object.keys(one)) if (!IN_OPENAIS.has(name)) losses.drop(name);
  const wanted = requests[0]?.outputDimensionality;
  if (requests.every(({ outputDimensionality }) => outputDimensionality === wanted)) return wanted;
  losses.needOwn("outputDimensionality", "elsewhere it is the same for all texts");
  return undefined;
}
