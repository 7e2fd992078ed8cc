import { ownOf } from "../../core/own-of.ts";
import { rewordedError } from "../reworded-error.ts";

/** Chat's fields by the names that they have here. */
const HERE: Readonly<Record<string, string>> = {
  max_completion_tokens: "max_tokens",
  stop: "stop_sequences",
  response_format: "output_config.format",
  reasoning_effort: "thinking",
  parallel_tool_calls: "tool_choice.disable_parallel_tool_use",
  user: "metadata.user_id",
};

/** Whole names that say something else here. */
const EXACT: Readonly<Record<string, string>> = {
  "tool_choice.required": "tool_choice.any",
  "tool_choice.function": "tool_choice.tool",
  "messages.reasoning_content": "messages.thinking",
  "messages.reasoning_details": "messages.thinking",
  "messages.thinking_blocks": "messages.thinking",
  "messages.extra_content": "messages.thinking",
};

/** A field of the chat, or a part of one, as the client called it. Places among the messages are none of its own. */
export function wordHere(field: string): string {
  const exact = ownOf(EXACT, field);
  if (exact !== undefined) return exact;
  const [name = ""] = field.split(/[.[]/);
  const place = field.slice(name.length);
  if (name === "messages" && place.startsWith("[")) return name;
  const here = ownOf(HERE, name);
  return here === undefined ? field.replace("tools.function.", "tools.") : here;
}

/** The same error, in this dialect's words. */
export const errorHere = (thrown: unknown): unknown => rewordedError(thrown, wordHere);
