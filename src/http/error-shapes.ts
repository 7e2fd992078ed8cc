import type { SluiceError } from "../core/errors.ts";
import { anthropicErrorResponse } from "./anthropic/errors.ts";
import { isAnthropic } from "./anthropic/is-anthropic.ts";
import { errorResponse } from "./errors.ts";
import { geminiErrorResponse } from "./gemini/errors.ts";
import { isGemini } from "./gemini/method.ts";
import { midjourneyErrorResponse } from "./midjourney/errors.ts";
import { isMidjourney } from "./midjourney/is-midjourney.ts";

/** The error in the shape of the dialect that the request is in: the one place where that is decided. */
export function errorFor(request: Request, error: SluiceError, requestId: string): Response {
  if (isMidjourney(request)) return midjourneyErrorResponse(error, requestId);
  if (isGemini(request)) return geminiErrorResponse(error, requestId);
  return isAnthropic(request) ? anthropicErrorResponse(error, requestId) : errorResponse(error, requestId);
}
