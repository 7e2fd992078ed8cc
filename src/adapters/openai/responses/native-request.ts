import { SluiceError } from "../../../core/errors.ts";
import type { GenerationRequest, NativeRequest } from "../../../core/generation.ts";
import type { Target, VendorCall } from "../../adapter.ts";
import { listOf, numberOf, objectOf } from "../../json.ts";
import { draftOf, type RequestDraft } from "../../openai-family/request-draft.ts";
import { dropUnpricedTier, isReasoningModel, leastEffort, samplesAnyway } from "../request.ts";
import { inputFor } from "./input-items.ts";

/**
 * Everything that is sent of a client's own Responses body. What is not here would cost more than the price says (caches
 * that live longer), is kept at OpenAI under the platform's account (`conversation`, `prompt`, `background`), or is not
 * known: dropped, and told.
 */
const FIELDS = new Set([
  ...["model", "input", "instructions", "stream", "stream_options", "store", "include", "max_output_tokens"],
  ...[
    "max_tool_calls",
    "temperature",
    "top_p",
    "top_logprobs",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
  ],
  ...["text", "reasoning", "truncation", "service_tier", "metadata", "user", "safety_identifier"],
  ...["prompt_cache_key"],
]);

/** The same of `reasoning`; what its `mode` makes a model do, and at what price, nobody says. */
const REASONING_FIELDS = new Set(["effort", "summary", "generate_summary", "context"]);

/** OpenAI refuses fewer (400 `integer_below_min_value`). */
const LEAST_OUTPUT_TOKENS = 16;

const ENCRYPTED = "reasoning.encrypted_content";
const LOGPROBS = "message.output_text.logprobs";

/**
 * The Responses call of a client of that dialect: its own body, for this model and within the cap. Nothing is kept at
 * OpenAI: what it thought comes sealed with the answer instead, for the next turn.
 * @throws SluiceError `insufficient_points` when fewer tokens can be paid for than OpenAI lets be asked for
 */
export function buildNativeCall(
  request: GenerationRequest,
  native: NativeRequest,
  target: Target,
): VendorCall {
  const draft = draftOf(native.body);
  const reasons = isReasoningModel(target.model);
  draft.set("model", target.model);
  // Nobody gets as far as here who asks for it.
  draft.remove("stream", "background");
  if (request.stream) draft.set("stream", true);
  else draft.remove("stream_options");
  draft.set("store", false);
  draft.set("input", inputFor(draft.get("input"), reasons));
  shapeReasoning(draft, target.model, reasons);
  if (reasons && !samplesAnyway(target.model, objectOf(draft.get("reasoning"))?.effort)) {
    draft.drop("temperature", "top_p");
  }
  shapeIncluded(draft, reasons);
  dropUnpricedTier(draft, target);
  limitTokens(draft, target);
  draft.keepOnly(FIELDS);
  // Null is as good as absent: all of them are optional.
  draft.removeNulls();
  return {
    method: "POST",
    url: `${target.baseUrl}/responses`,
    headers: {
      authorization: `Bearer ${target.secret}`,
      "content-type": "application/json",
      accept: request.stream ? "text/event-stream" : "application/json",
    },
    body: JSON.stringify(draft.body),
    ...(draft.dropped.length === 0 ? {} : { dropped: draft.dropped }),
  };
}

/** Models that do not reason refuse the field; of those that do, some cannot be told not to. */
function shapeReasoning(draft: RequestDraft, model: string, reasons: boolean): void {
  const reasoning = objectOf(draft.get("reasoning"));
  if (reasoning === undefined) {
    draft.remove("reasoning");
    return;
  }
  if (!reasons) {
    const asks = Object.values(reasoning).some((value) => value !== null && value !== "none");
    if (asks) draft.drop("reasoning");
    else draft.remove("reasoning");
    return;
  }
  const unknown = Object.keys(reasoning).filter((name) => !REASONING_FIELDS.has(name));
  if (unknown.length > 0) {
    for (const name of unknown) if (reasoning[name] !== null) draft.note(`reasoning.${name}`);
    const known = Object.entries(reasoning).filter(([name]) => REASONING_FIELDS.has(name));
    draft.set("reasoning", Object.fromEntries(known));
  }
  const least = leastEffort(model);
  if (reasoning.effort !== "none" || least === undefined) return;
  draft.note("reasoning.effort");
  draft.set("reasoning", { ...objectOf(draft.get("reasoning")), effort: least });
}

function shapeIncluded(draft: RequestDraft, reasons: boolean): void {
  if (reasons) {
    draft.drop("top_logprobs");
    if (listOf(draft.get("include")).includes(LOGPROBS)) draft.note(`include.${LOGPROBS}`);
  }
  // Each is refused by the models that have nothing of the kind.
  const asked = listOf(draft.get("include")).filter((name) => name !== (reasons ? LOGPROBS : ENCRYPTED));
  const included = reasons && !asked.includes(ENCRYPTED) ? [...asked, ENCRYPTED] : asked;
  if (included.length === 0) draft.remove("include");
  else draft.set("include", included);
}

function limitTokens(draft: RequestDraft, { cappedOutputTokens: capped, maxOutputTokens }: Target): void {
  const asked = numberOf(draft.get("max_output_tokens"));
  if (asked === undefined && capped === undefined) {
    draft.remove("max_output_tokens");
    return;
  }
  const limit = Math.min(asked ?? Infinity, capped ?? Infinity, maxOutputTokens ?? Infinity);
  if (limit < LEAST_OUTPUT_TOKENS && capped !== undefined) {
    const message = `What is left pays for ${limit} tokens, and the vendor answers with ${LEAST_OUTPUT_TOKENS} at least.`;
    throw new SluiceError("insufficient_points", message);
  }
  draft.set("max_output_tokens", limit);
}
