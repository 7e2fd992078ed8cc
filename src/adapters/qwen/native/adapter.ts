import type { Operation } from "../../../core/catalog.ts";
import type { Clock } from "../../../core/clock.ts";
import type { Adapter } from "../../adapter.ts";
import { createTranslatedStream } from "../../openai-frames/translated-stream.ts";
import type { Judge, Service } from "../../openai-services/service.ts";
import { continuation } from "../continuation.ts";
import { MOST_EMBEDDED_TEXTS } from "../request.ts";
import { rerank } from "../rerank.ts";
import { billedCharacters } from "../sound/characters.ts";
import { speech } from "../sound/speech.ts";
import { transcription } from "../sound/transcription.ts";
import { readAnswer } from "./answer.ts";
import { readEmbedding } from "./embedding-answer.ts";
import { classifyError, failureInside } from "./errors.ts";
import { createEventReader } from "./events.ts";
import { buildCall } from "./request.ts";

/** What a base URL of DashScope's own protocol ends with; anything else is the mode compatible with OpenAI. */
const NATIVE_PATH = "/api/v1";

const SERVICES: Partial<Readonly<Record<Operation, Service>>> = { rerank, speech, transcription };

const judgeWith =
  (secret: string): Judge =>
  (value) =>
    failureInside(value, secret);

export const isNativeAddress = (baseUrl: string): boolean => baseUrl.endsWith(NATIVE_PATH);

/**
 * Alibaba Cloud Model Studio by DashScope's own protocol (Model Studio's DashScope reference), for clients of OpenAI's
 * dialect. What a model takes and how it thinks is as in the compatible mode.
 * @param clock for the `created` of answers, which DashScope does not say
 */
export function createQwenNative(clock: Clock): Adapter {
  const created = (): number => Math.floor(clock.now() / 1_000);
  return {
    name: "qwen",
    defaultBaseUrl: `https://dashscope.aliyuncs.com${NATIVE_PATH}`,
    operations: new Set(["chat", "embedding", "rerank", "speech", "transcription"]),
    textsACall: MOST_EMBEDDED_TEXTS,
    countCharacters: billedCharacters,
    buildCall: (request, target) =>
      SERVICES[request.operation]?.buildCall(request, target) ?? buildCall(request, target),
    readAnswer(request, body, secret = "") {
      if (request.operation === "embedding") return readEmbedding(request, body, secret);
      return (
        SERVICES[request.operation]?.readAnswer?.(request, body, judgeWith(secret)) ??
        readAnswer(request, body, secret, created())
      );
    },
    openStream: (request, mode, secret = "", remembers = false) =>
      SERVICES[request.operation]?.openStream?.(request, judgeWith(secret)) ??
      createTranslatedStream(createEventReader(request, secret), { mode, created: created(), remembers }),
    continuation,
    classifyError,
  };
}
