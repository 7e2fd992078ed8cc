import type { GenerationRequest } from "../../core/generation.ts";
import type { Target } from "../adapter.ts";
import { type LimitField, limitOutput, type RequestDraft } from "../openai-family/request-draft.ts";

/** What other vendors' clients send and OpenAI refuses as unknown. */
const FOREIGN = ["top_k", "enable_thinking", "thinking", "thinking_budget"];

/** Refused by reasoning models, whatever their value. */
const NOT_WHEN_REASONING = [
  "frequency_penalty",
  "presence_penalty",
  "logprobs",
  "top_logprobs",
  "logit_bias",
  "stop",
];

/** OpenAI's own dialect: almost everything passes as it came, unknown fields too. */
export function shape(draft: RequestDraft, request: GenerationRequest, target: Target): void {
  draft.drop(...FOREIGN);
  if (request.operation === "embedding") return;
  if (request.operation === "completion") {
    limitOutput(draft, "max_tokens", { capped: target.cappedOutputTokens });
    return;
  }
  const reasons = isReasoningModel(target.model);
  if (reasons) {
    draft.drop(...NOT_WHEN_REASONING);
    if (!samplesAnyway(target.model, draft)) draft.drop("temperature", "top_p");
  }
  limitOutput(draft, limitField(draft, reasons), { capped: target.cappedOutputTokens });
}

/** The newer name unless the client used the older one on a model that still takes it. */
function limitField(draft: RequestDraft, reasons: boolean): LimitField {
  const saysOlder = draft.get("max_tokens") !== undefined && draft.get("max_completion_tokens") === undefined;
  return saysOlder && !reasons ? "max_tokens" : "max_completion_tokens";
}

/** `o1`, `o3-mini`, `gpt-5` and later, but for the `…-chat` variants; fine-tuned ones by their base model. */
export function isReasoningModel(model: string): boolean {
  const name = baseModel(model);
  return /^o\d/.test(name) || (generationOf(name) >= 5 && !/-chat\b/.test(name));
}

/** From gpt-5.1 on, sampling is allowed once reasoning is off. */
function samplesAnyway(model: string, draft: RequestDraft): boolean {
  return draft.get("reasoning_effort") === "none" && generationOf(baseModel(model)) > 5;
}

const baseModel = (model: string): string => model.replace(/^ft:/, "").toLowerCase();

/** 5.1 for `gpt-5.1-mini`, 0 for what is not a numbered GPT. */
const generationOf = (name: string): number => Number(/^gpt-(\d+(?:\.\d+)?)/.exec(name)?.[1] ?? 0);
