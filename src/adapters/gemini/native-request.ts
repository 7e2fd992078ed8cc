import type { GenerationRequest, JsonObject, NativeRequest } from "../../core/generation.ts";
import type { Target, VendorCall } from "../adapter.ts";
import { isObject, listOf, numberOf, objectOf } from "../json.ts";
import { draftOf, type RequestDraft } from "../openai-family/request-draft.ts";
import { methodCall, resourceOf } from "./method-call.ts";
import { traitsOf } from "./models.ts";
import { LOST_SIGNATURE } from "./signatures.ts";

/**
 * Everything that is sent of a client's own body. What is not here would cost other than the candidate's price says
 * (`serviceTier`), belongs to the platform's account (`cachedContent`, `labels`), or is not known: dropped, and told.
 */
const FIELDS = new Set([
  ...["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"],
]);

/** The same of `generationConfig`; sound and pictures as answers have other prices. */
const CONFIG_FIELDS = new Set([
  ...["temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed"],
  ...["presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs", "thinkingConfig"],
  ...["responseMimeType", "responseSchema", "responseJsonSchema", "_responseJsonSchema"],
  ...["responseModalities", "mediaResolution"],
]);

const EMBEDDING_FIELDS = new Set(["content", "taskType", "title", "outputDimensionality"]);

/** The call of a client that speaks Gemini's dialect: its own body, for this model and within the cap. */
export function buildNativeCall(
  request: GenerationRequest,
  native: NativeRequest,
  target: Target,
): VendorCall {
  if (request.operation === "embedding") return embeddingCall(native.body, target);
  const draft = draftOf(native.body);
  shapeConfig(draft, target);
  if (traitsOf(target.model).demandsSignatures)
    draft.set("contents", listOf(draft.get("contents")).map(signed));
  draft.keepOnly(FIELDS);
  const method = request.stream ? "streamGenerateContent" : "generateContent";
  return methodCall(target, method, draft.body, draft.dropped);
}

function shapeConfig(draft: RequestDraft, target: Target): void {
  const given = objectOf(draft.get("generationConfig"));
  const config = draftOf(given ?? {});
  const limit = limitOf(numberOf(given?.maxOutputTokens), target);
  if (limit !== undefined) config.set("maxOutputTokens", limit);
  config.keepOnly(CONFIG_FIELDS);
  for (const field of config.dropped) draft.note(`generationConfig.${field}`);
  if (given !== undefined || limit !== undefined) draft.set("generationConfig", config.body);
}

/** The lowest of what the client asked for, what the balance can pay for, and what the model allows. */
function limitOf(
  asked: number | undefined,
  { cappedOutputTokens, maxOutputTokens }: Target,
): number | undefined {
  if (asked === undefined && cappedOutputTokens === undefined) return undefined;
  return Math.min(asked ?? Infinity, cappedOutputTokens ?? Infinity, maxOutputTokens ?? Infinity);
}

/** Calls of which the first has no signature were made by another vendor: that is said, as Google documents it. */
function signed(content: unknown): unknown {
  const parts = listOf(objectOf(content)?.parts);
  const first = parts.findIndex((part) => isObject(part) && part.functionCall !== undefined);
  const call = objectOf(parts[first]);
  if (call === undefined || call.thoughtSignature !== undefined) return content;
  return { ...objectOf(content), parts: parts.with(first, { ...call, thoughtSignature: LOST_SIGNATURE }) };
}

function embeddingCall(body: JsonObject, target: Target): VendorCall {
  const dropped = new Set<string>();
  const ofModel = (one: unknown): JsonObject => {
    const draft = draftOf(objectOf(one) ?? {});
    draft.remove("model");
    draft.keepOnly(EMBEDDING_FIELDS);
    for (const field of draft.dropped) dropped.add(field);
    return { model: resourceOf(target.model), ...draft.body };
  };
  const { requests } = body;
  const [method, sent] = Array.isArray(requests)
    ? (["batchEmbedContents", { requests: requests.map(ofModel) }] as const)
    : (["embedContent", ofModel(body)] as const);
  return methodCall(target, method, sent, [...dropped]);
}
