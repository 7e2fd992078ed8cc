import type { GenerationRequest } from "../core/generation.ts";
import { isMediaOperation } from "../core/media.ts";
import type { MostUse } from "../core/price-bounds.ts";
import { charactersAt } from "./estimate-units.ts";
import type { Route } from "./routes.ts";

/** OpenAI's word for a tier that the vendor chooses: any may serve. */
const ANY_TIER = "auto";
const USUAL_TIER = "default";
const USUAL: MostUse = { serviceTier: USUAL_TIER };

/**
 * By which tiers and hours the request can come to be charged at this candidate, for its hold.
 * @param at when it is being admitted (epoch milliseconds); it is admitted within the longest time that a call may take
 */
export function mostUse(request: GenerationRequest, route: Route, at: number): MostUse {
  const use = mostUnits(request, route);
  if (route.price?.spec.kind !== "timed") return use;
  return { ...use, span: { from: at, until: at + route.vendor.timeouts.totalMs } };
}

function mostUnits(request: GenerationRequest, { adapter }: Route): MostUse {
  const { body, operation, choices, sound } = request;
  if (isMediaOperation(operation)) return { images: choices };
  const characters = charactersAt(request, adapter);
  if (characters !== undefined) return { characters };
  if (sound !== undefined) return { seconds: sound.mostSeconds };
  const tier = body.service_tier ?? USUAL_TIER;
  if (tier === USUAL_TIER) return USUAL;
  return typeof tier === "string" && tier !== ANY_TIER ? { serviceTier: tier } : {};
}
