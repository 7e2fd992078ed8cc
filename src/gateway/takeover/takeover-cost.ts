import type { GenerationRequest } from "../../core/generation.ts";
import { add, type Micropoints, most, ZERO } from "../../core/points.ts";
import { largestCost } from "../../core/price-bounds.ts";
import { mostOutput, mostPrompt } from "../most-tokens.ts";
import { mostUse } from "../most-use.ts";
import type { Route } from "../routes.ts";
import { INSTRUCTION_TOKENS } from "./continued-request.ts";

/** Another vendor's tokenizer may count up to half as many tokens again for the same text. */
const RECOUNT = 1.5;

/**
 * The most that an answer can cost which one candidate begins and another ends. With x tokens by the first, the second
 * reads the prompt and those x, and gives the rest: linear in x, so the dearest is at one of its ends. (A second price
 * with bands is not, and is taken by its dearest band that the longest text can reach.) Both ends are taken of whichever
 * candidates are dearest there.
 */
export function takeoverCost(
  candidates: readonly Route[],
  request: GenerationRequest,
  at: number,
): Micropoints {
  let promptTokens = 0;
  let longest = 0;
  let shortest = Number.POSITIVE_INFINITY;
  for (const route of candidates) {
    promptTokens = Math.max(promptTokens, mostPrompt(route, request));
    const whole = mostOutput(route, request);
    longest = Math.max(longest, whole);
    shortest = Math.min(shortest, whole);
  }
  const reread = promptTokens + INSTRUCTION_TOKENS;
  const reach = reread + Math.ceil(longest * RECOUNT);
  // The dearest that dies at once and that begins anew; the dearest that dies at its end and that gives what is left.
  let nothing = ZERO;
  let anew = ZERO;
  let all = ZERO;
  let rest = ZERO;
  for (const route of candidates) {
    if (route.price === undefined) continue;
    const { spec } = route.price;
    const whole = mostOutput(route, request);
    const first = mostUse(request, route, at);
    const second = { ...first, reach };
    nothing = most(nothing, largestCost(spec, promptTokens, 0, first));
    anew = most(anew, largestCost(spec, reread, whole, second));
    all = most(all, largestCost(spec, promptTokens, whole, first));
    rest = most(rest, largestCost(spec, reach, Math.max(1, whole - shortest), second));
  }
  return most(add(nothing, anew), add(all, rest));
}
