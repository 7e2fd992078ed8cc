import type { Adapter } from "../adapter.ts";
import { adapterOf } from "../openai-family/adapter.ts";
import { finishReasonOf } from "../openai-family/finish-reason.ts";
import { usualUrl } from "../openai-family/member.ts";
import { classify } from "./errors.ts";
import { shape } from "./request.ts";
import { readUsage } from "./usage.ts";

export const openai: Adapter = adapterOf({
  name: "openai",
  defaultBaseUrl: "https://api.openai.com/v1",
  operations: ["chat", "completion", "embedding"],
  url: usualUrl,
  shape,
  readUsage,
  finishReason: finishReasonOf,
  classify,
});
