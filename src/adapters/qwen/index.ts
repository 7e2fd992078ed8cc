import type { Adapter } from "../adapter.ts";
import { adapterOf } from "../openai-family/adapter.ts";
import { finishReasonOf } from "../openai-family/finish-reason.ts";
import { usualUrl } from "../openai-family/member.ts";
import { continuation } from "./continuation.ts";
import { classify } from "./errors.ts";
import { shape } from "./request.ts";
import { readUsage } from "./usage.ts";

/** Alibaba Cloud Model Studio in its OpenAI-compatible mode. */
export const qwen: Adapter = adapterOf({
  name: "qwen",
  defaultBaseUrl: "https://dashscope.aliyuncs.com/compatible-mode/v1",
  operations: ["chat", "completion", "embedding"],
  url: usualUrl,
  shape,
  continuation,
  readUsage,
  finishReason: finishReasonOf,
  classify,
});
