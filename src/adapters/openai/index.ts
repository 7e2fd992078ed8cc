import type { Adapter } from "../adapter.ts";
import { adapterOf } from "../openai-family/adapter.ts";
import { finishReasonOf } from "../openai-family/finish-reason.ts";
import { usualUrl } from "../openai-family/member.ts";
import { createRealtime } from "../openai-realtime/realtime.ts";
import { moderation } from "../openai-services/moderation.ts";
import { createSpeech } from "../openai-services/speech.ts";
import { transcription } from "../openai-services/transcription.ts";
import { classify } from "./errors.ts";
import { shape } from "./request.ts";
import { readUsage } from "./usage.ts";

export const openai: Adapter = adapterOf({
  name: "openai",
  defaultBaseUrl: "https://api.openai.com/v1",
  operations: ["chat", "completion", "embedding"],
  services: {
    moderation,
    // The oldest two give sound alone (spec 2.3.0, `stream_format`).
    speech: createSpeech({ tellsEvents: (model) => (model.startsWith("tts-1") ? "no" : "yes") }),
    transcription,
    translation: transcription,
  },
  realtime: createRealtime,
  url: usualUrl,
  shape,
  readUsage,
  finishReason: finishReasonOf,
  classify,
});
