import type { JsonObject } from "../../src/core/generation.ts";
import type { VendorRequest } from "./call.ts";
import type { Script } from "./script.ts";
import type { Counts, ShapeRules } from "./shapes.ts";

/** The usage objects that are sent: usually one, none when nobody asked, or what the script makes of it. */
export function usagesOf(
  request: VendorRequest,
  script: Script,
  rules: ShapeRules,
  counts: Counts,
): readonly JsonObject[] {
  const isAsked = !request.stream || request.includeUsage || !rules.usageOnRequest;
  if (!isAsked) return [];
  const { usage = "normal" } = script;
  if (typeof usage === "object") return [usage];
  const normal = rules.usage(counts);
  switch (usage) {
    case "normal":
      return [normal];
    case "missing":
      return [];
    case "twice":
      return [normal, normal];
    case "negative":
      return [{ ...normal, prompt_tokens: -counts.prompt, completion_tokens: -counts.completion }];
    case "huge":
      return [{ ...normal, prompt_tokens: 1e18, completion_tokens: 1e18, total_tokens: 2e18 }];
    default:
      return usage satisfies never;
  }
}
