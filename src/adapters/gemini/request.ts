import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { Target, VendorCall } from "../adapter.ts";
import { unsupported } from "../failure/unsupported.ts";
import { listOf } from "../json.ts";
import { draftOf, limitOutput, type RequestDraft } from "../openai-family/request-draft.ts";
import { shapeAnswerFormat } from "./answer-format.ts";
import { conversationOf } from "./contents.ts";
import { embeddingCall } from "./embedding-request.ts";
import { samplingOf } from "./generation-config.ts";
import { methodCall } from "./method-call.ts";
import { traitsOf } from "./models.ts";
import { shapeThinking } from "./thinking.ts";
import { shapeTools } from "./tools.ts";

/** Everything that is sent; whatever else a client asks for is dropped and told. */
const FIELDS = new Set(["contents", "systemInstruction", "tools", "toolConfig", "generationConfig"]);

/** Gemini's names for what is said otherwise in OpenAI's dialect, or belongs to the platform's account. */
const NOT_THE_CLIENTS = [
  ...["contents", "systemInstruction", "toolConfig", "generationConfig", "serviceTier"],
  ...["safetySettings", "cachedContent"],
];

/**
 * The call for a client's body of OpenAI's dialect.
 * @throws SluiceError `unsupported_parameter` for what Gemini cannot express
 */
export function buildCall(request: GenerationRequest, target: Target): VendorCall {
  if (request.operation === "embedding") return embeddingCall(request, target);
  const draft = draftOf(request.body);
  draft.removeNulls();
  refuseInexpressible(draft);
  draft.drop(...NOT_THE_CLIENTS);
  shape(draft, target);
  // Both say what the method says already.
  draft.remove("model", "stream", "stream_options");
  draft.keepOnly(FIELDS);
  const method = request.stream ? "streamGenerateContent" : "generateContent";
  return methodCall(target, method, draft.body, draft.dropped);
}

function refuseInexpressible(draft: RequestDraft): void {
  for (const name of ["functions", "function_call"]) {
    if (draft.get(name) !== undefined)
      throw unsupported(name, "Gemini is given tools, not functions: use 'tools'.");
  }
  if (listOf(draft.get("modalities")).some((modality) => modality !== "text")) {
    throw unsupported("modalities", "Gemini answers a chat with text.");
  }
  draft.remove("modalities");
}

function shape(draft: RequestDraft, target: Target): void {
  const traits = traitsOf(target.model);
  const { system, contents } = conversationOf(draft.get("messages"), traits, draft.note);
  draft.remove("messages");
  const format = shapeAnswerFormat(draft, traits, shapeTools(draft));
  const thinkingConfig = shapeThinking(draft, traits);
  const maxOutputTokens = limitOf(draft, target);
  const config = {
    ...samplingOf(draft),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...format.fields,
    ...(thinkingConfig === undefined ? {} : { thinkingConfig }),
  };
  draft.set("contents", contents);
  const instructions = systemWith(system, format.instruction);
  if (instructions.length > 0) draft.set("systemInstruction", { parts: instructions });
  if (Object.keys(config).length > 0) draft.set("generationConfig", config);
  // What comes without a word. The others have other prices, and the answer does not say which one served.
  if (draft.get("service_tier") === "default") draft.remove("service_tier");
}

/** Gemini's limit bounds the thoughts as well, as OpenAI's does. */
function limitOf(draft: RequestDraft, { cappedOutputTokens, maxOutputTokens }: Target): number | undefined {
  const most = maxOutputTokens === undefined ? {} : { most: maxOutputTokens };
  const limit = limitOutput(draft, "max_tokens", { capped: cappedOutputTokens, ...most });
  draft.remove("max_tokens");
  return limit;
}

const systemWith = (system: readonly JsonObject[], instruction: string | undefined): readonly JsonObject[] =>
  instruction === undefined ? system : [...system, { text: instruction }];
