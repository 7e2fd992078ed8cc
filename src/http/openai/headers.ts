import { formatPoints, type Micropoints } from "../../core/points.ts";
import type { Started } from "../../gateway/gateway.ts";
import { rateLimitHeaders } from "../errors.ts";
import { headerList, headerText } from "../header-text.ts";

/** What every answer of a generation says about itself. */
export function generationHeaders(started: Started, cost?: Micropoints): Record<string, string> {
  const headers: Record<string, string> = {
    "x-request-id": started.requestId,
    "x-sluice-vendor": headerText(started.vendor),
    "x-sluice-model": headerText(started.vendorModel),
    "x-sluice-attempts": String(started.attempts),
  };
  if (cost !== undefined) headers["x-sluice-cost"] = formatPoints(cost);
  if (started.cappedOutputTokens !== undefined)
    headers["x-sluice-capped"] = String(started.cappedOutputTokens);
  if (started.dropped !== undefined) headers["x-sluice-dropped"] = headerList(started.dropped);
  if (started.limit !== undefined) rateLimitHeaders(started.limit, headers);
  if (started.tokenLimit !== undefined) rateLimitHeaders(started.tokenLimit, headers);
  return headers;
}
