import type { Clock } from "../../core/clock.ts";
import type { Adapter } from "../adapter.ts";
import { readAnswer } from "./answer.ts";
import { continuation } from "./continuation.ts";
import { classifyError } from "./errors.ts";
import { buildCall } from "./request.ts";
import { openStream } from "./stream.ts";

/**
 * Anthropic's Messages API for clients of OpenAI's dialect: chat, whole and streamed.
 * @param clock for the `created` of answers, which Anthropic does not say
 */
export const createAnthropic = (clock: Clock): Adapter => {
  const created = (): number => Math.floor(clock.now() / 1_000);
  return {
    name: "anthropic",
    defaultBaseUrl: "https://api.anthropic.com",
    operations: new Set(["chat"]),
    dialect: "openai",
    buildCall,
    readAnswer: (_request, body, secret = "") => readAnswer(body, secret, created()),
    openStream: (_request, mode, secret = "", remembers = false) =>
      openStream(mode, secret, created(), remembers),
    continuation,
    classifyError,
  };
};
