import type { GenerationRequest } from "../../core/generation.ts";
import type { Continuation } from "../adapter.ts";

/**
 * Chat prefix completion (DeepSeek's documentation, `/beta`): the last message is marked `prefix`. Whoever has begun
 * to speak has thought: thinking is switched off, except in the model that always thinks. With tools it is not
 * documented.
 */
export function continuation(request: GenerationRequest, model: string): Continuation {
  if (request.usesTools || /reasoner/i.test(model)) return { by: "instruction" };
  const thinking = /^deepseek-chat/i.test(model) ? null : { type: "disabled" };
  return { by: "prefix", mark: { prefix: true }, body: { thinking, reasoning_effort: null } };
}
