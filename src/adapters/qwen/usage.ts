import type { JsonObject } from "../../core/generation.ts";
import type { Usage } from "../../core/usage.ts";
import { type UsageFields, usageOf } from "../openai-family/usage.ts";

const FIELDS: UsageFields = { cacheWriteField: "cache_creation_input_tokens" };

/** `prompt_tokens` includes what was read from the cache and what was written to it. */
export const readUsage = (raw: JsonObject): Usage | undefined => usageOf(raw, FIELDS);
