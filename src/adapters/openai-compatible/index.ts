import type { Adapter } from "../adapter.ts";
import { classify } from "../openai/errors.ts";
import { adapterOf } from "../openai-family/adapter.ts";
import { finishReasonOf } from "../openai-family/finish-reason.ts";
import { usualUrl } from "../openai-family/member.ts";
import { type UsageFields, usageOf } from "../openai-family/usage.ts";
import { createRealtime } from "../openai-realtime/realtime.ts";
import { moderation } from "../openai-services/moderation.ts";
import { rerank } from "../openai-services/rerank.ts";
import { createSpeech } from "../openai-services/speech.ts";
import { transcription } from "../openai-services/transcription.ts";
import { shape } from "./request.ts";

const USAGE_FIELDS: UsageFields = { mayExcludeReasoning: true };

/**
 * Any server that speaks OpenAI's wire: vLLM, Ollama, a reseller. The operator gives the base URL. It is
 * believed to follow OpenAI except where servers are known not to.
 */
export const openaiCompatible: Adapter = adapterOf({
  name: "openai-compatible",
  operations: ["chat", "completion", "embedding"],
  services: {
    moderation,
    rerank,
    speech: createSpeech({ tellsEvents: () => "perhaps" }),
    transcription,
    translation: transcription,
  },
  realtime: createRealtime,
  url: usualUrl,
  shape,
  readUsage: (raw) => usageOf(raw, USAGE_FIELDS),
  finishReason: finishReasonOf,
  classify,
});
