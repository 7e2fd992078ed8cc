import type { GenerationRequest } from "../../core/generation.ts";
import { add, type Micropoints, most, ZERO } from "../../core/points.ts";
import { largestCost, type MostUse } from "../../core/price-bounds.ts";
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
  const promptTokens = Math.max(...candidates.map((route) => mostPrompt(route, request)));
  const lengths = candidates.map((route) => mostOutput(route, request));
  const longest = Math.max(...lengths);
  const shortest = Math.min(...lengths);
  const reread = promptTokens + INSTRUCTION_TOKENS;
  const reach = reread + Math.ceil(longest * RECOUNT);
  const dearest = (prompt: number, output: (route: Route) => number, use: MostUse): Micropoints =>
    candidates.reduce((top, route) => {
      if (route.price === undefined) return top;
      const all = { ...mostUse(request, route, at), ...use };
      return most(top, largestCost(route.price.spec, prompt, output(route), all));
    }, ZERO);
  const whole = (route: Route): number => mostOutput(route, request);
  const rest = (route: Route): number => Math.max(1, whole(route) - shortest);
  const atOnce = add(
    dearest(promptTokens, () => 0, {}),
    dearest(reread, whole, { reach }),
  );
  const atTheEnd = add(dearest(promptTokens, whole, {}), dearest(reach, rest, { reach }));
  return most(atOnce, atTheEnd);
}
