import type { GenerationRequest } from "../core/generation.ts";
import { isMediaOperation } from "../core/media.ts";
import type { MostUse } from "../core/price-bounds.ts";
import { charactersAt } from "./estimate-units.ts";
import type { Route } from "./routes.ts";

/** OpenAI's word for a tier that the vendor chooses: any may serve. */
const ANY_TIER = "auto";
const USUAL_TIER = "default";

/**
 * By which tiers and hours the request can come to be charged at this candidate, for its hold.
 * @param at when it is being admitted (epoch milliseconds); it is admitted within the longest time that a call may take
 */
export function mostUse(request: GenerationRequest, { vendor, adapter }: Route, at: number): MostUse {
  const { body, operation, choices, sound } = request;
  const span = { from: at, until: at + vendor.timeouts.totalMs };
  if (isMediaOperation(operation)) return { span, images: choices };
  const characters = charactersAt(request, adapter);
  if (characters !== undefined) return { span, characters };
  if (sound !== undefined) return { span, seconds: sound.mostSeconds };
  const tier = body.service_tier ?? USUAL_TIER;
  return typeof tier === "string" && tier !== ANY_TIER ? { span, serviceTier: tier } : { span };
}
