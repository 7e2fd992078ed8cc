import type { Clock } from "../../core/clock.ts";
import type { Adapter } from "../adapter.ts";
import { adapterOf } from "../openai-family/adapter.ts";
import { finishReasonOf } from "../openai-family/finish-reason.ts";
import { usualUrl } from "../openai-family/member.ts";
import { continuation } from "./continuation.ts";
import { classify } from "./errors.ts";
import { createQwenNative, isNativeAddress } from "./native/adapter.ts";
import { MOST_EMBEDDED_TEXTS, shape } from "./request.ts";
import { rerank } from "./rerank.ts";
import { billedCharacters } from "./sound/characters.ts";
import { speech } from "./sound/speech.ts";
import { transcription } from "./sound/transcription.ts";
import { readUsage } from "./usage.ts";

/**
 * Alibaba Cloud Model Studio: its OpenAI-compatible mode, or DashScope's own protocol where the base URL ends with
 * `/api/v1`.
 */
export function createQwen(clock: Clock): Adapter {
  const native = createQwenNative(clock);
  return { ...qwen, protocolAt: (baseUrl) => (isNativeAddress(baseUrl) ? native : qwen) };
}

/** The compatible mode alone. */
export const qwen: Adapter = {
  ...adapterOf({
    name: "qwen",
    defaultBaseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1",
    operations: ["chat", "completion", "embedding"],
    services: { rerank, speech, transcription },
    url: usualUrl,
    shape,
    continuation,
    readUsage,
    finishReason: finishReasonOf,
    classify,
  }),
  textsACall: MOST_EMBEDDED_TEXTS,
  countCharacters: billedCharacters,
};
