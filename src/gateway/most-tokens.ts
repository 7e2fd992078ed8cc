import type { GenerationRequest } from "../core/generation.ts";
import { mostTokensOfMedia } from "./requests/media-tokens.ts";
import type { Route } from "./routes.ts";

/**
 * The most output tokens that a candidate can be made to give, of all choices. A prediction's tokens count beside the
 * limit, since those that are not used are billed as output too (OpenAI's reference of `rejected_prediction_tokens`).
 * @param cappedOutputTokens each choice, where the balance allows no more
 */
export function mostOutput(
  { maxOutputTokens }: Pick<Route, "maxOutputTokens">,
  request: GenerationRequest,
  cappedOutputTokens = Number.POSITIVE_INFINITY,
): number {
  const each = Math.min(request.maxOutputTokens ?? maxOutputTokens, cappedOutputTokens);
  return (each + (request.predictedTokens ?? 0)) * request.choices;
}

/** The most prompt tokens that a candidate can count: its model may count pictures as more than others do. */
export const mostPrompt = ({ model }: Pick<Route, "model">, request: GenerationRequest): number =>
  request.promptTokens +
  (request.media === undefined ? 0 : mostTokensOfMedia([model, request.model], request.media));
