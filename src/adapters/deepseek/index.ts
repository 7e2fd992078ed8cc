import type { Adapter } from "../adapter.ts";
import { adapterOf } from "../openai-family/adapter.ts";
import { continuation } from "./continuation.ts";
import { classify } from "./errors.ts";
import { finishReason } from "./events.ts";
import { shape, url } from "./request.ts";
import { readUsage } from "./usage.ts";

export const deepseek: Adapter = adapterOf({
  name: "deepseek",
  defaultBaseUrl: "https://api.deepseek.com",
  operations: ["chat", "completion"],
  url,
  shape,
  wantsReasoningBack: true,
  continuation,
  readUsage,
  finishReason,
  classify,
});
