import type { GenerationRequest, NativeRequest } from "../../core/generation.ts";
import type { Target, VendorCall } from "../adapter.ts";
import { isObject } from "../json.ts";
import { draftOf } from "../openai-family/request-draft.ts";
import type { Note } from "./cache-control.ts";
import { LONGEST_SILENT_TOKENS, limitTokens, messagesCall } from "./messages-call.ts";
import { withinLimit } from "./thinking.ts";

/**
 * Everything that is sent of a client's own Messages body. What is not here would cost more than the candidate's price
 * says (`inference_geo`, `speed`), lets Anthropic run tools that are paid by the call (`container`, `mcp_servers`), or
 * is not known: dropped, and told.
 */
const FIELDS = new Set([
  "model",
  "max_tokens",
  "messages",
  "system",
  "stream",
  "stop_sequences",
  "temperature",
  "top_p",
  "top_k",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "output_format",
  "metadata",
  "service_tier",
  "cache_control",
  "context_management",
]);

/**
 * Betas that change no price, as Anthropic's documentation names them. Others are not passed on and told: of what is
 * not known nobody can say what it costs.
 */
const BETAS = new Set([
  "claude-code-20250219",
  "computer-use-2024-10-22",
  "computer-use-2025-01-24",
  "computer-use-2025-11-24",
  "context-management-2025-06-27",
  "effort-2025-11-24",
  "extended-cache-ttl-2025-04-11",
  "fine-grained-tool-streaming-2025-05-14",
  "interleaved-thinking-2025-05-14",
  "output-128k-2025-02-19",
  "pdfs-2024-09-25",
  "prompt-caching-2024-07-31",
  "structured-outputs-2025-11-13",
  "token-efficient-tools-2025-02-19",
]);

/** The Messages call of a client that speaks Anthropic's dialect: its own body, for this model and within the cap. */
export function buildNativeCall(
  request: GenerationRequest,
  native: NativeRequest,
  target: Target,
): VendorCall {
  const draft = draftOf(native.body);
  const maxTokens = limitTokens(draft, target);
  const thinking = draft.get("thinking");
  // The vendor refuses a budget that does not fit: what the client said goes on unless a cap was put on it.
  if (isObject(thinking) && maxTokens !== native.body.max_tokens) {
    const within = withinLimit(thinking, maxTokens);
    if (within === undefined) draft.drop("thinking");
    else draft.set("thinking", within);
  }
  const streams = request.stream || maxTokens > LONGEST_SILENT_TOKENS;
  return messagesCall(draft, FIELDS, target, streams, betasIn(native, draft.note));
}

/** Undefined: none. */
function betasIn({ headers }: NativeRequest, note: Note): Record<string, string> | undefined {
  const said = headers?.["anthropic-beta"];
  if (said === undefined) return undefined;
  const asked = said
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const passed = asked.filter((name) => BETAS.has(name));
  for (const name of asked) if (!BETAS.has(name)) note(`anthropic-beta.${name}`);
  return passed.length === 0 ? undefined : { "anthropic-beta": passed.join(",") };
}
