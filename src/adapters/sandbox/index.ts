import type { Clock } from "../../core/clock.ts";
import type { Adapter } from "../adapter.ts";
import { classify } from "../openai/errors.ts";
import { adapterOf } from "../openai-family/adapter.ts";
import { finishReasonOf } from "../openai-family/finish-reason.ts";
import { usualUrl } from "../openai-family/member.ts";
import { limitOutput } from "../openai-family/request-draft.ts";
import { usageOf } from "../openai-family/usage.ts";
import { createRealtime } from "../openai-realtime/realtime.ts";
import { moderation } from "../openai-services/moderation.ts";
import { rerank } from "../openai-services/rerank.ts";
import { createSpeech } from "../openai-services/speech.ts";
import { transcription } from "../openai-services/transcription.ts";
import { createSandboxTransport } from "./server.ts";
import { createSandboxDial } from "./services/realtime.ts";

/**
 * The vendor that is always there: deterministic, inside the process, paced like a real model, and able to
 * fail in every way that vendors do (see `settings.ts`). It speaks OpenAI's wire, so that everything between
 * it and the client is what a real vendor would go through.
 */
export const createSandbox = (clock: Clock): Adapter =>
  adapterOf({
    name: "sandbox",
    defaultBaseUrl: "sandbox://local/v1",
    operations: ["chat", "completion", "embedding"],
    services: {
      moderation,
      rerank,
      speech: createSpeech({ tellsEvents: () => "perhaps" }),
      transcription,
      translation: transcription,
    },
    realtime: (judge) => createRealtime(judge, createSandboxDial(clock)),
    transport: createSandboxTransport(clock),
    url: usualUrl,
    shape(draft, request, target) {
      if (request.operation !== "embedding")
        limitOutput(draft, "max_tokens", { capped: target.cappedOutputTokens });
    },
    continuation: () => ({ by: "prefix" }),
    readUsage: (raw) => usageOf(raw),
    finishReason: (raw) => (raw === "insufficient_system_resource" ? undefined : finishReasonOf(raw)),
    classify,
  });
