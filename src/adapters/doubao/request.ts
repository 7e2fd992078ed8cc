import { SluiceError } from "../../core/errors.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import type { Target } from "../adapter.ts";
import { isObject, listOf, numberOf } from "../json.ts";
import { usualUrl } from "../openai-family/member.ts";
import { developerToSystem } from "../openai-family/messages.ts";
import { limitOutput, type RequestDraft } from "../openai-family/request-draft.ts";

/** ModelArk's Chat API page. */
const MAX_COMPLETION_TOKENS = 65_536;
const MAX_STOPS = 4;

/** Not in ModelArk's Chat API, and OpenAI's newer fields of the same kind. */
const UNSUPPORTED = [
  "seed",
  "top_k",
  "store",
  "metadata",
  "modalities",
  "audio",
  "prediction",
  "verbosity",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "safety_identifier",
  "web_search_options",
  "moderation",
];

export function shape(draft: RequestDraft, request: GenerationRequest, target: Target): void {
  draft.removeNulls();
  draft.drop(...UNSUPPORTED);
  if (request.operation === "embedding") {
    textInputs(draft);
    return;
  }
  const tier = draft.get("service_tier");
  if (tier !== "auto" && tier !== "default") draft.drop("service_tier");
  if (listOf(draft.get("stop")).length > MAX_STOPS) {
    throw new SluiceError("unsupported_parameter", `Doubao takes at most ${MAX_STOPS} stop sequences.`, {
      param: "stop",
    });
  }
  developerToSystem(draft);
  shapeEffort(draft);
  limitAnswer(draft, target);
}

/** Applications (`bot-…`) have a path of their own. */
export function url(request: GenerationRequest, target: Target): string {
  const isBot = request.operation === "chat" && target.model.startsWith("bot-");
  return isBot ? `${target.baseUrl}/bots/chat/completions` : usualUrl(request, target);
}

function shapeEffort(draft: RequestDraft): void {
  const effort = draft.get("reasoning_effort");
  if (effort === "none") {
    draft.remove("reasoning_effort");
    draft.set("thinking", { type: "disabled" });
  } else if (effort === "xhigh" || effort === "max") draft.set("reasoning_effort", "high");
}

/**
 * Ark's `max_tokens` leaves reasoning out, OpenAI's clients mean everything that is generated: so the limit is
 * sent as `max_completion_tokens`, unless thinking is off and both mean the same.
 */
function limitAnswer(draft: RequestDraft, target: Target): void {
  const thinking = draft.get("thinking");
  const thinksNot = isObject(thinking) && thinking.type === "disabled";
  const saysOlder = numberOf(draft.get("max_completion_tokens")) === undefined;
  const field = thinksNot && saysOlder ? "max_tokens" : "max_completion_tokens";
  limitOutput(draft, field, { capped: target.cappedOutputTokens, most: MAX_COMPLETION_TOKENS });
}

/** Texts only, and always as a list. */
function textInputs(draft: RequestDraft): void {
  const input = draft.get("input");
  if (typeof input === "string") draft.set("input", [input]);
  else if (!listOf(input).every((item) => typeof item === "string")) {
    throw new SluiceError("unsupported_parameter", "Doubao embeds texts, not tokens.", { param: "input" });
  }
}
