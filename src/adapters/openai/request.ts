import type { GenerationRequest, JsonObject } from "../../core/generation.ts";
import type { Target } from "../adapter.ts";
import { isObject, listOf } from "../json.ts";
import { messagesOf } from "../openai-family/messages.ts";
import { type LimitField, limitOutput, type RequestDraft } from "../openai-family/request-draft.ts";

/** What other vendors' clients send and OpenAI refuses as unknown. */
const FOREIGN = ["top_k", "enable_thinking", "thinking", "thinking_budget"];

/** What OpenAI does beside answering is paid by the call, for which no price is known. */
const PAID_BY_THE_CALL = ["web_search_options"];

/** Refused by reasoning models, whatever their value. */
const NOT_WHEN_REASONING = [
  "frequency_penalty",
  "presence_penalty",
  "logprobs",
  "top_logprobs",
  "logit_bias",
  "stop",
];

/** What other vendors gave with an earlier answer and want back: refused as unknown. */
const OF_EARLIER_ANSWERS = ["reasoning_content", "reasoning_details", "thinking_blocks", "extra_content"];

/** OpenAI's own dialect: almost everything passes as it came, unknown fields too. */
export function shape(draft: RequestDraft, request: GenerationRequest, target: Target): void {
  draft.drop(...FOREIGN);
  if (request.operation === "embedding") return;
  if (request.operation === "completion") {
    limitOutput(draft, "max_tokens", { capped: target.cappedOutputTokens });
    return;
  }
  draft.drop(...PAID_BY_THE_CALL);
  dropThoughts(draft);
  dropUnpricedTier(draft, target);
  const reasons = isReasoningModel(target.model);
  shapeEffort(draft, target.model, reasons);
  if (reasons) {
    draft.drop(...NOT_WHEN_REASONING);
    if (!samplesAnyway(target.model, draft.get("reasoning_effort"))) draft.drop("temperature", "top_p");
  }
  limitOutput(draft, limitField(draft, reasons), { capped: target.cappedOutputTokens });
}

/**
 * Models that do not reason refuse the word, and the first that do cannot be told not to: clients of models that can
 * are given the least there is.
 */
function shapeEffort(draft: RequestDraft, model: string, reasons: boolean): void {
  const effort = draft.get("reasoning_effort");
  const isNone = effort === "none";
  if (!reasons) {
    if (isNone) draft.remove("reasoning_effort");
    else draft.drop("reasoning_effort");
  } else {
    const least = leastEffort(model);
    if (!isNone || least === undefined) return;
    draft.note("reasoning_effort");
    draft.set("reasoning_effort", least);
  }
}

/** The least that a reasoning model can be told to; undefined: none at all. */
export function leastEffort(model: string): "low" | "minimal" | undefined {
  const name = baseModel(model);
  if (generationOf(name) > 5) return undefined;
  return /^o\d/.test(name) ? "low" : "minimal";
}

/** None of these costs more than the usual price. (`auto` is what the account's project says; `scale` is paid ahead.) */
const NOT_DEARER: readonly unknown[] = ["auto", "default", "flex", "scale"];

/** Of a faster tier nobody would pay what it costs more; its price is the operator's to give (`serviceTiers`). */
export function dropUnpricedTier(draft: RequestDraft, { pricedTiers }: Target): void {
  const tier = draft.get("service_tier");
  if (typeof tier !== "string" || NOT_DEARER.includes(tier)) return;
  if (pricedTiers !== undefined && !pricedTiers.includes(tier)) draft.drop("service_tier");
}

/** A conversation may have begun with another vendor. */
function dropThoughts(draft: RequestDraft): void {
  const messages = messagesOf(draft);
  if (!messages.some(holdsThoughts)) return;
  draft.set(
    "messages",
    messages.map((message) => {
      if (!isObject(message) || !holdsThoughts(message)) return message;
      const own = withoutThoughts(draft, message);
      const calls = listOf(own.tool_calls);
      if (!calls.some(isForeign)) return own;
      return {
        ...own,
        tool_calls: calls.map((call) => (isObject(call) ? withoutThoughts(draft, call) : call)),
      };
    }),
  );
}

const holdsThoughts = (message: unknown): boolean =>
  isObject(message) &&
  message.role === "assistant" &&
  (isForeign(message) || listOf(message.tool_calls).some(isForeign));

function isForeign(holder: unknown): boolean {
  if (!isObject(holder)) return false;
  for (const name of OF_EARLIER_ANSWERS) if (name in holder) return true;
  return false;
}

function withoutThoughts(draft: RequestDraft, holder: JsonObject): JsonObject {
  for (const name of OF_EARLIER_ANSWERS) if (name in holder) draft.note(`messages.${name}`);
  return Object.fromEntries(Object.entries(holder).filter(([name]) => !OF_EARLIER_ANSWERS.includes(name)));
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
export function samplesAnyway(model: string, effort: unknown): boolean {
  return effort === "none" && generationOf(baseModel(model)) > 5;
}

const baseModel = (model: string): string => model.replace(/^ft:/, "").toLowerCase();

/** 5.1 for `gpt-5.1-mini`, 0 for what is not a numbered GPT. */
const generationOf = (name: string): number => Number(/^gpt-(\d+(?:\.\d+)?)/.exec(name)?.[1] ?? 0);
