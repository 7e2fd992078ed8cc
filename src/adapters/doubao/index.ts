import type { Adapter } from "../adapter.ts";
import { adapterOf } from "../openai-family/adapter.ts";
import { finishReasonOf } from "../openai-family/finish-reason.ts";
import { usageOf } from "../openai-family/usage.ts";
import { classify } from "./errors.ts";
import { shape, url } from "./request.ts";

export const doubao: Adapter = adapterOf({
  name: "doubao",
  defaultBaseUrl: "https://ark.cn-beijing.volces.com/api/v3",
  operations: ["chat", "embedding"],
  url,
  shape,
  readUsage: (raw) => usageOf(raw),
  finishReason: finishReasonOf,
  classify,
});
