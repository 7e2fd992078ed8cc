import type { GenerationRequest } from "../../core/generation.ts";
import type { Target } from "../adapter.ts";
import { developerToSystem } from "../openai-family/messages.ts";
import { limitOutput, type RequestDraft } from "../openai-family/request-draft.ts";

/** Unknown fields pass on: the server may know more than this file. */
export function shape(draft: RequestDraft, request: GenerationRequest, target: Target): void {
  if (request.operation === "embedding") return;
  developerToSystem(draft);
  // The client's own word for the limit: it knows which one its model takes.
  const field = draft.get("max_completion_tokens") === undefined ? "max_tokens" : "max_completion_tokens";
  limitOutput(draft, field, { capped: target.cappedOutputTokens });
}
