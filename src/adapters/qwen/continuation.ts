import type { GenerationRequest } from "../../core/generation.ts";
import type { Continuation } from "../adapter.ts";
import { isOmni, onlyThinks, thinksByDefault } from "./models.ts";

/**
 * Partial mode (Model Studio's page of that name): the last message is marked `partial`; refused while thinking, so
 * thinking is switched off where it can be. Not documented with tools, for the omni models and for other makers' models.
 */
export function continuation(request: GenerationRequest, model: string): Continuation {
  const isForIt = /^qwen/i.test(model) && !onlyThinks(model) && !isOmni(model) && !request.usesTools;
  if (!isForIt) return { by: "instruction" };
  const isTold = thinksByDefault(model) || typeof request.body.enable_thinking === "boolean";
  const thinking = { enable_thinking: isTold ? false : null, thinking_budget: null, reasoning_effort: null };
  return { by: "prefix", mark: { partial: true }, body: thinking };
}
