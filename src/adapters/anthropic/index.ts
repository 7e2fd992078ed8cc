import type { Clock } from "../../core/clock.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import type { Adapter } from "../adapter.ts";
import { readAnswer } from "./answer.ts";
import { continuation } from "./continuation.ts";
import { counting } from "./counting.ts";
import { classifyError } from "./errors.ts";
import { readNativeAnswer } from "./native-answer.ts";
import { buildCall } from "./request.ts";
import { openStream } from "./stream.ts";

/**
 * Anthropic's Messages API: chat, whole and streamed, for clients of OpenAI's dialect and of its own.
 * @param clock for the `created` of answers, which Anthropic does not say
 */
export const createAnthropic = (clock: Clock): Adapter => {
  const created = (): number => Math.floor(clock.now() / 1_000);
  return {
    name: "anthropic",
    defaultBaseUrl: "https://api.anthropic.com",
    operations: new Set(["chat"]),
    nativeDialect: "anthropic",
    buildCall,
    readAnswer: (request, body, secret = "") =>
      isNative(request) ? readNativeAnswer(body, secret) : readAnswer(body, secret, created()),
    openStream: (request, mode, secret = "", remembers = false) =>
      openStream(secret, { mode, created: created(), remembers, isNative: isNative(request) }),
    counting,
    continuation,
    classifyError,
  };
};

const isNative = ({ native }: GenerationRequest): boolean => native?.dialect === "anthropic";
