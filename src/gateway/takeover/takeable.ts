import type { GenerationRequest } from "../../core/generation.ts";
import type { TakeoverPolicy } from "../../core/takeover-policy.ts";

/**
 * How much of a request's answer may have been delivered for another vendor to go on: `text`, or only `reasoning`,
 * after which the answer is begun anew.
 */
export type Takeable = "text" | "reasoning";

/**
 * What of a request can be taken over in the middle; undefined: nothing. Not of several choices, of which one stream
 * would need several continuations; not with log probabilities or sound, which a continuation does not carry on. An
 * answer in a form (JSON) is begun anew or not at all: a vendor that keeps to the form begins it again.
 */
export function takeableOf(request: GenerationRequest): Takeable | undefined {
  const { operation, body, stream, choices } = request;
  if (!stream || choices > 1 || isSet(body.logprobs) || isSet(body.audio)) return undefined;
  // A continuation is asked for by OpenAI's body: what that cannot say would be lost.
  const isOnlyNative = request.native?.only !== undefined;
  if (operation === "chat") return isOnlyNative || hasForm(body.response_format) ? "reasoning" : "text";
  if (operation !== "completion" || body.echo === true) return undefined;
  const { prompt } = body;
  const only: unknown = Array.isArray(prompt) && prompt.length === 1 ? prompt[0] : prompt;
  return typeof only === "string" ? "text" : undefined;
}

/** What of a request may be taken over, and until when. */
export interface TakeoverTerms {
  readonly takeable: Takeable;
  readonly policy: TakeoverPolicy;
}

/** Where the policy is the usual one: made once. */
const ALWAYS: Readonly<Record<Takeable, TakeoverTerms>> = {
  text: { takeable: "text", policy: "always" },
  reasoning: { takeable: "reasoning", policy: "always" },
};

/** Undefined: nobody goes on with this request's answer. */
export function takeoverTerms(request: GenerationRequest, policy: TakeoverPolicy): TakeoverTerms | undefined {
  const takeable = policy === "never" ? undefined : takeableOf(request);
  if (takeable === undefined) return undefined;
  return policy === "always" ? ALWAYS[takeable] : { takeable, policy };
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== false;

function hasForm(format: unknown): boolean {
  if (typeof format !== "object" || format === null) return false;
  return !("type" in format) || format.type !== "text";
}
