import type { GenerationRequest, JsonObject } from "../../../core/generation.ts";
import type { Target, VendorCall } from "../../adapter.ts";
import { listOf } from "../../json.ts";
import { draftOf, type RequestDraft } from "../../openai-family/request-draft.ts";
import { readsMedia } from "../models.ts";
import { shape } from "../request.ts";
import { hasMedia, multimodalMessages } from "./messages.ts";

const TEXT = "/services/aigc/text-generation/generation";
const MULTIMODAL = "/services/aigc/multimodal-generation/generation";
const EMBEDDING = "/services/embeddings/text-embedding/text-embedding";

/** What stands elsewhere in the body, or in a header. */
const NO_PARAMETERS = ["model", "messages", "stream", "stream_options", "modalities", "audio"];

/** The client's body as the compatible mode would have it, in the protocol's own form. */
export function buildCall(request: GenerationRequest, target: Target): VendorCall {
  const draft = draftOf(request.body);
  draft.set("model", target.model);
  if (request.stream) draft.set("stream", true);
  else draft.remove("stream", "stream_options");
  shape(draft, request, target);
  if (request.operation === "embedding") return callOf(draft, target, EMBEDDING, embeddingBody(draft), false);
  // Spoken answers are only given in the compatible mode.
  draft.drop("modalities", "audio");
  const streams = draft.get("stream") === true;
  const messages = draft.get("messages");
  const isMultimodal = readsMedia(target.model) || hasMedia(messages);
  const body = {
    model: target.model,
    input: { messages: isMultimodal ? multimodalMessages(messages) : messages },
    parameters: {
      // Otherwise answers of older models are a bare text, and each event repeats all that was said so far.
      result_format: "message",
      ...(streams ? { incremental_output: true } : {}),
      ...parametersOf(draft),
    },
  };
  return callOf(draft, target, isMultimodal ? MULTIMODAL : TEXT, body, streams);
}

function parametersOf({ body }: RequestDraft): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !NO_PARAMETERS.includes(name)));
}

function embeddingBody(draft: RequestDraft): JsonObject {
  const input = draft.get("input");
  const dimension = draft.get("dimensions");
  return {
    model: draft.get("model"),
    input: { texts: Array.isArray(input) ? listOf(input) : [input] },
    ...(dimension === undefined ? {} : { parameters: { dimension } }),
  };
}

function callOf(
  draft: RequestDraft,
  target: Target,
  path: string,
  body: JsonObject,
  streams: boolean,
): VendorCall {
  return {
    method: "POST",
    url: target.baseUrl + path,
    headers: {
      authorization: `Bearer ${target.secret}`,
      "content-type": "application/json",
      accept: streams ? "text/event-stream" : "application/json",
      ...(streams ? { "x-dashscope-sse": "enable" } : {}),
    },
    body: JSON.stringify(body),
    ...(draft.dropped.length === 0 ? {} : { dropped: draft.dropped }),
  };
}
