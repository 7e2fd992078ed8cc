import { writesText } from "../../core/catalog.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import { type HedgeSettings, shareOf } from "../../core/hedge-settings.ts";
import { type Micropoints, most, ZERO } from "../../core/points.ts";
import { largestCost } from "../../core/price-bounds.ts";
import { mostPrompt } from "../most-tokens.ts";
import { mostUse } from "../most-use.ts";
import type { Route } from "../routes.ts";
import { FirstTokenTimes } from "./first-token-times.ts";

/** Of all streams, this share may cause a second call: when a vendor is slow for everybody, others are not flooded. */
const SHARE = 0.05;

/** Second calls that quiet times save up. */
const MOST_SAVED = 10;

/** Routes that are measured; a catalogue that changes all the time forgets the oldest. */
const MOST_ROUTES = 10_000;

/** Output tokens of a call that was lost: what came in the read in which it lost. */
const LOST_OUTPUT_TOKENS = 64;

/** What a node knows about how fast its routes begin, and how many second calls it may make. */
export class Hedging {
  readonly #times = new Map<string, FirstTokenTimes>();
  #saved = 0;

  /** A stream has begun, or has not for so long when another vendor was preferred. */
  began(route: Route, ms: number): void {
    const name = nameOf(route);
    let times = this.#times.get(name);
    if (times === undefined) {
      times = new FirstTokenTimes();
      this.#times.set(name, times);
      if (this.#times.size > MOST_ROUTES) this.#forgetOldest();
    }
    times.add(ms);
  }

  /** A stream was asked for: it earns its share of a second call. */
  asked(): void {
    this.#saved = Math.min(MOST_SAVED, this.#saved + SHARE);
  }

  /** How long the route may take before a second one is asked; undefined: nobody knows what is slow for it. */
  patienceMs(route: Route, { percentile }: HedgeSettings): number | undefined {
    return this.#times.get(nameOf(route))?.within(shareOf(percentile));
  }

  /** Takes one second call; false when there is none left. */
  take(): boolean {
    // Shares of a twentieth do not add up to exactly one.
    if (this.#saved < 1 - 1e-9) return false;
    this.#saved -= 1;
    return true;
  }

  #forgetOldest(): void {
    for (const oldest of this.#times.keys()) {
      this.#times.delete(oldest);
      return;
    }
  }
}

/** A catalogue's routes are asked for their names by each stream. */
const names = new WeakMap<Route, string>();

/** The same for a route of the next catalogue: what is known of it stays known. */
function nameOf(route: Route): string {
  let name = names.get(route);
  if (name === undefined) {
    name = `${route.vendor.id}\n${route.model}`;
    names.set(route, name);
  }
  return name;
}

/**
 * Whether a request may be asked twice at once: only streams, since others have no first token, and nothing that is
 * more than a text: what a vendor would keep, or do in the world on the way to its answer, must not be done twice.
 */
export function isHedgeable({ stream, operation, body }: GenerationRequest): boolean {
  if (!stream || !writesText(operation)) return false;
  return body.store !== true && !isSet(body.web_search_options) && body.enable_search !== true;
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** The most that a call on this route can cost in vain. */
export function lostCost(route: Route, request: GenerationRequest, at: number): Micropoints {
  if (route.price === undefined) return ZERO;
  const use = mostUse(request, route, at);
  const output = LOST_OUTPUT_TOKENS + (request.predictedTokens ?? 0) * request.choices;
  return largestCost(route.price.spec, mostPrompt(route, request), output, use);
}

/** The same over all candidates: either of two calls may be the one that is lost. */
export function dearestLostCost(
  candidates: readonly Route[],
  request: GenerationRequest,
  at: number,
): Micropoints {
  let top = ZERO;
  for (const route of candidates) top = most(top, lostCost(route, request, at));
  return top;
}
