import type { GenerationRequest } from "../../core/generation.ts";
import type { Continuation } from "../adapter.ts";
import { traitsOf } from "./models.ts";

/**
 * An assistant message that stands last is continued, by models before 4.6 and not while thinking (Anthropic's
 * documentation). Whoever has begun to speak has thought: thinking is off. A call that is forced, which Anthropic does
 * by a beginning of its own, leaves no room for another's.
 */
export function continuation(request: GenerationRequest, model: string): Continuation {
  if (request.usesTools || !traitsOf(model).continuesAnswers) return { by: "instruction" };
  return {
    by: "prefix",
    body: { thinking: null, reasoning_effort: null },
    refusesTrailingSpace: true,
  };
}
