import type { Counting } from "../adapter.ts";
import { numberOf, objectOf, parseJson } from "../json.ts";
import { buildCall } from "./request.ts";

/** What the count of a prompt is asked with (Anthropic's SDK types). */
const COUNTED = new Set([
  "model",
  "messages",
  "system",
  "tools",
  "tool_choice",
  "thinking",
  "cache_control",
  "context_management",
]);

/** `POST /v1/messages/count_tokens`: free, with a rate limit of its own. */
export const counting: Counting = {
  buildCall(request, target) {
    const call = buildCall(request, target);
    const body = objectOf(parseJson(String(call.body))) ?? {};
    const counted = Object.fromEntries(Object.entries(body).filter(([name]) => COUNTED.has(name)));
    return {
      ...call,
      url: `${call.url}/count_tokens`,
      headers: { ...call.headers, accept: "application/json" },
      body: JSON.stringify(counted),
    };
  },
  readCount(body) {
    const count = numberOf(objectOf(parseJson(new TextDecoder().decode(body)))?.input_tokens);
    return count !== undefined && Number.isInteger(count) && count >= 0 ? count : undefined;
  },
};
