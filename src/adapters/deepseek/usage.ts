import type { JsonObject } from "../../core/generation.ts";
import type { Usage } from "../../core/usage.ts";
import { type UsageFields, usageOf } from "../openai-family/usage.ts";

const FIELDS: UsageFields = { cachedField: "prompt_cache_hit_tokens" };

/**
 * Usage stands in the finish chunk. Older answers count cached tokens only in `prompt_cache_hit_tokens`;
 * writing to the cache costs nothing.
 */
export const readUsage = (raw: JsonObject): Usage | undefined => usageOf(raw, FIELDS);
