import type { JsonObject } from "../../core/generation.ts";
import { isObject, listOf, numberOf, objectOf } from "../json.ts";

/** `logprobsResult` of a candidate as OpenAI's `logprobs.content`; empty when nothing was told. */
export function logprobsIn(candidate: JsonObject): readonly JsonObject[] {
  const result = objectOf(candidate.logprobsResult);
  const chosen = listOf(result?.chosenCandidates).filter(isObject);
  const top = listOf(result?.topCandidates);
  return chosen.map((one, at) => ({
    ...tokenOf(one),
    top_logprobs: listOf(objectOf(top[at])?.candidates).filter(isObject).map(tokenOf),
  }));
}

function tokenOf({ token, logProbability }: JsonObject): JsonObject {
  const text = typeof token === "string" ? token : "";
  return { token: text, logprob: numberOf(logProbability) ?? 0, bytes: [...Buffer.from(text)] };
}
