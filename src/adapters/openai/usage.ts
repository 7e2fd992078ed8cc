import type { JsonObject } from "../../core/generation.ts";
import type { Usage } from "../../core/usage.ts";
import { usageOf } from "../openai-family/usage.ts";

/** Tiers at the usual price; what was asked for as `auto` is answered with the name of the tier that served. */
const USUAL_TIERS: readonly unknown[] = ["default", "auto", "standard"];

/** The tier stands beside the usage: in the answer, and in every chunk (spec 2.3.0, `service_tier`). */
export function readUsage(raw: JsonObject, { service_tier: tier }: JsonObject): Usage | undefined {
  const usage = usageOf(raw);
  if (usage === undefined || typeof tier !== "string" || USUAL_TIERS.includes(tier)) return usage;
  return { ...usage, serviceTier: tier };
}
