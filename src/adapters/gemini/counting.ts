import type { GenerationRequest } from "../../core/generation.ts";
import type { Counting, Target, VendorCall } from "../adapter.ts";
import { numberOf, objectOf, parseJson } from "../json.ts";
import { methodCall, resourceOf } from "./method-call.ts";

/**
 * `:countTokens`, which is free: of the whole request, so that what the system says and the tools are counted as well.
 * @param buildCall the call that would have it answered
 */
export const countingOf = (
  buildCall: (request: GenerationRequest, target: Target) => VendorCall,
): Counting => ({
  buildCall(request, target) {
    const { body } = buildCall(request, target);
    const generateContentRequest = { model: resourceOf(target.model), ...objectOf(parseJson(String(body))) };
    return methodCall(target, "countTokens", { generateContentRequest });
  },
  readCount(body) {
    const count = numberOf(objectOf(parseJson(new TextDecoder().decode(body)))?.totalTokens);
    return count !== undefined && Number.isInteger(count) && count >= 0 ? count : undefined;
  },
});
