import type { JsonObject } from "../../core/generation.ts";
import { listIn, objectIn } from "../openai/responses/chat-pieces.ts";

/** OpenAI's `logprobs.content` as Gemini's `logprobsResult`. */
export function logprobsResultOf(content: readonly unknown[]): JsonObject {
  const tokens = objectsIn(content);
  return {
    chosenCandidates: tokens.map(tokenOf),
    topCandidates: tokens.map(({ top_logprobs }) => ({
      candidates: objectsIn(listIn(top_logprobs)).map(tokenOf),
    })),
  };
}

const objectsIn = (list: readonly unknown[]): readonly JsonObject[] =>
  list.map(objectIn).filter((one) => one !== undefined);

const tokenOf = ({ token, logprob }: JsonObject): JsonObject => ({ token, logProbability: logprob });
