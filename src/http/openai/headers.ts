import { formatPoints, type Micropoints } from "../../core/points.ts";
import type { Started } from "../../gateway/gateway.ts";
import { rateLimitHeaders } from "../errors.ts";

/** What every answer of a generation says about itself (contract §4). */
export function generationHeaders(started: Started, cost?: Micropoints): Record<string, string> {
  const headers: Record<string, string> = {
    "x-request-id": started.requestId,
    "x-sluice-vendor": started.vendor,
    "x-sluice-model": started.vendorModel,
    "x-sluice-attempts": String(started.attempts),
  };
  if (cost !== undefined) headers["x-sluice-cost"] = formatPoints(cost);
  if (started.cappedOutputTokens !== undefined)
    headers["x-sluice-capped"] = String(started.cappedOutputTokens);
  if (started.dropped !== undefined) headers["x-sluice-dropped"] = started.dropped.join(", ");
  if (started.limit !== undefined) Object.assign(headers, rateLimitHeaders(started.limit));
  return headers;
}
