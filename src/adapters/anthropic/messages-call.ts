import { DEFAULT_MAX_OUTPUT_TOKENS } from "../../core/limits.ts";
import type { Target, VendorCall } from "../adapter.ts";
import { limitOutput, type RequestDraft } from "../openai-family/request-draft.ts";
import { TargetHeaders } from "../target-headers.ts";
import { shortenCaches } from "./cache-control.ts";

/** The only version of the Messages API there is. */
const API_VERSION = "2023-06-01";

/**
 * Whole answers that may be longer are streamed and put together here: a connection that is silent for minutes
 * gets cut on the way. Anthropic's own SDK takes 128,000 tokens for an hour and draws the line at ten minutes.
 */
export const LONGEST_SILENT_TOKENS = 21_333;

/** Sets `max_tokens`, which must be there: what the client asked for, no more than the balance and the model allow. */
export function limitTokens(draft: RequestDraft, target: Target): number {
  const most = target.maxOutputTokens ?? DEFAULT_MAX_OUTPUT_TOKENS;
  const capped = Math.min(target.cappedOutputTokens ?? most, most);
  return limitOutput(draft, "max_tokens", { capped }) ?? most;
}

/**
 * The call that sends a draft of a Messages body.
 * @param fields everything that may be sent; the rest is dropped and told
 * @param headers further ones
 */
export function messagesCall(
  draft: RequestDraft,
  fields: ReadonlySet<string>,
  target: Target,
  streams: boolean,
  headers?: Readonly<Record<string, string>> | undefined,
): VendorCall {
  draft.set("model", target.model);
  draft.remove("stream");
  if (streams) draft.set("stream", true);
  draft.keepOnly(fields);
  if (target.hasLongCachePrice !== true) shortenCaches(draft);
  return {
    method: "POST",
    url: `${target.baseUrl.replace(/\/v1$/, "")}/v1/messages`,
    headers:
      headers === undefined ? HEADERS.of(target, streams) : { ...HEADERS.of(target, streams), ...headers },
    body: JSON.stringify(draft.body),
    ...(draft.dropped.length === 0 ? {} : { dropped: draft.dropped }),
  };
}

const HEADERS = new TargetHeaders(({ secret }, accept) => ({
  "x-api-key": secret,
  "anthropic-version": API_VERSION,
  "content-type": "application/json",
  accept,
  // Compression on the way was seen to hold back a stream's events.
  "accept-encoding": "identity",
}));
