import type { JsonObject } from "../../../core/generation.ts";
import type { Usage } from "../../../core/usage.ts";
import { objectOf } from "../../json.ts";
import { readUsage } from "../usage.ts";

/** The usage of a response object, which has the same counts as a chat under other names; undefined: not told, or nonsense. */
export function usageIn(response: JsonObject): Usage | undefined {
  const usage = objectOf(response.usage);
  if (usage === undefined) return undefined;
  const { input_tokens, input_tokens_details, output_tokens, output_tokens_details } = usage;
  const asInChat = {
    prompt_tokens: input_tokens,
    prompt_tokens_details: input_tokens_details,
    completion_tokens: output_tokens,
    completion_tokens_details: output_tokens_details,
  };
  return output_tokens === undefined ? undefined : readUsage(asInChat, response);
}
