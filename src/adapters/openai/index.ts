import type { GenerationRequest, NativeRequest } from "../../core/generation.ts";
import type { Adapter } from "../adapter.ts";
import { adapterOf } from "../openai-family/adapter.ts";
import { failureInside } from "../openai-family/errors.ts";
import { finishReasonOf } from "../openai-family/finish-reason.ts";
import { type Member, usualUrl } from "../openai-family/member.ts";
import { createTranslatedStream } from "../openai-frames/translated-stream.ts";
import { createRealtime } from "../openai-realtime/realtime.ts";
import { moderation } from "../openai-services/moderation.ts";
import type { Judge } from "../openai-services/service.ts";
import { createSpeech } from "../openai-services/speech.ts";
import { transcription } from "../openai-services/transcription.ts";
import { classify } from "./errors.ts";
import { shape } from "./request.ts";
import { createEventReader } from "./responses/events.ts";
import { readNativeAnswer } from "./responses/native-answer.ts";
import { buildNativeCall } from "./responses/native-request.ts";
import { createOwnFrames } from "./responses/own-frames.ts";
import { readUsage } from "./usage.ts";

const member: Member = {
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
};

const family = adapterOf(member);

/** OpenAI: its chats, and its Responses for clients that speak those. */
export const openai: Adapter = {
  ...family,
  nativeDialect: "openai-responses",
  buildCall(request, target) {
    const native = nativeOf(request);
    return native === undefined
      ? family.buildCall(request, target)
      : buildNativeCall(request, native, target);
  },
  readAnswer: (request, body, secret = "") =>
    nativeOf(request) === undefined
      ? family.readAnswer(request, body, secret)
      : readNativeAnswer(body, judgeWith(secret)),
  openStream: (request, mode, secret = "", remembers = false) =>
    nativeOf(request) === undefined
      ? family.openStream(request, mode, secret, remembers)
      : createTranslatedStream(createEventReader(judgeWith(secret)), {
          ...{ mode, created: 0, remembers },
          own: createOwnFrames(),
        }),
};

const nativeOf = ({ native }: GenerationRequest): NativeRequest | undefined =>
  native?.dialect === "openai-responses" ? native : undefined;

const judgeWith =
  (secret: string): Judge =>
  (value) =>
    failureInside(member, value, secret);
