import type { Delivered } from "../adapters/adapter.ts";
import { writesText } from "../core/catalog.ts";
import type { GenerationRequest } from "../core/generation.ts";
import { completionTokens, promptTokens, type Usage } from "../core/usage.ts";
import { mostOutput, mostPrompt } from "./most-tokens.ts";
import { likelyOutputTokens } from "./requests/prompt-tokens.ts";
import type { Route } from "./routes.ts";

/** So many times what was held for at most, or what was seen, is no mistake of an estimate any more. */
const BEYOND = 4;
/** The same of output whose limit the vendor was told: it need only count otherwise than we do. */
const BEYOND_LIMIT = 2;
/** Prompt tokens that vendors add of their own: what they tell a model of tools that a client only names takes 2,500. */
const OWN_PROMPT_TOKENS = 4_000;
/** Output tokens that are nowhere to be seen: marks around thoughts, calls and the end. */
const OWN_OUTPUT_TOKENS = 256;

/**
 * Whether a vendor can mean what it tells of a chat or a completion. What is far beyond what was sent and what was asked
 * for is not believed: it would empty a balance. Thoughts that were seen are believed beside the limit, since some vendors
 * do not count them to it; of a limit that only our catalog knows the vendor was never told.
 * @param delivered until it was told
 * @param cappedOutputTokens each choice, where the balance allowed no more
 */
export function isBelievable(
  route: Pick<Route, "model" | "maxOutputTokens">,
  request: GenerationRequest,
  told: Usage,
  delivered: Delivered,
  cappedOutputTokens?: number,
): boolean {
  if (!writesText(request.operation)) return true;
  if (promptTokens(told) > BEYOND * mostPrompt(route, request) + OWN_PROMPT_TOKENS) return false;
  const { frames, chars, reasoningChars } = delivered;
  const most = mostOutput(route, request, cappedOutputTokens);
  const seen = BEYOND * likelyOutputTokens(frames, chars + reasoningChars) + OWN_OUTPUT_TOKENS;
  const all = completionTokens(told);
  if (request.maxOutputTokens === undefined && cappedOutputTokens === undefined)
    return all <= Math.max(BEYOND * most + OWN_OUTPUT_TOKENS, seen);
  const limit = BEYOND_LIMIT * most + OWN_OUTPUT_TOKENS;
  return all <= limit || (all - told.reasoning <= limit && told.reasoning <= seen);
}
