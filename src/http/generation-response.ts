import { formatPoints, type Micropoints } from "../core/points.ts";
import type { Started } from "../gateway/gateway.ts";
import { setRateLimit } from "./errors.ts";
import { headerList, headerText } from "./header-text.ts";

/** A whole answer of a generation as JSON, and what it says about itself: the charge too. */
export function answeredWhole(body: Uint8Array | string, started: Started, cost: Micropoints): Response {
  const response = new Response(body, WHOLE.of(started));
  setOwn(response.headers, started);
  response.headers.set("x-sluice-cost", formatPoints(cost));
  return response;
}

/** A stream of events that no proxy may hold back. Its charge comes with its end. */
export function answeredStream(body: ReadableStream<Uint8Array>, started: Started): Response {
  const response = new Response(body, EVENTS.of(started));
  setOwn(response.headers, started);
  return response;
}

/** What every answer of a generation says about itself before it has an end. */
export function generationHeaders(started: Started): Headers {
  const { headers } = PLAIN.of(started);
  const own = new Headers(headers);
  setOwn(own, started);
  return own;
}

/** What is not the same for all answers of a model. */
function setOwn(headers: Headers, started: Started): void {
  headers.set("x-request-id", started.requestId);
  if (started.attempts !== 1) headers.set("x-sluice-attempts", String(started.attempts));
  if (started.cappedOutputTokens !== undefined)
    headers.set("x-sluice-capped", String(started.cappedOutputTokens));
  if (started.dropped !== undefined) headers.set("x-sluice-dropped", headerList(started.dropped));
  if (started.limit !== undefined) setRateLimit(headers, started.limit);
  if (started.tokenLimit !== undefined) setRateLimit(headers, started.tokenLimit);
}

/** Far more than models are served at a time: those of configurations of yesterday are forgotten some time. */
const MOST_MODELS = 10_000;

/**
 * Headers that are the same for all answers of a model. An answer begins with a copy of them: a header that is copied costs
 * some 25 ns, one that is set 80, and one that is read out of an object 140 (Bun 1.4.5).
 */
class UsualHeaders {
  readonly #always: Readonly<Record<string, string>>;
  /** By vendor and model. */
  readonly #known = new Map<string, Map<string, Usual>>();
  #count = 0;

  /** @param always what they say of every model */
  constructor(always: Readonly<Record<string, string>>) {
    this.#always = always;
  }

  /** As a response takes them, which copies them. Nobody may change them. */
  of({ vendor, vendorModel }: Started): Usual {
    return this.#known.get(vendor)?.get(vendorModel) ?? this.#made(vendor, vendorModel);
  }

  #made(vendor: string, model: string): Usual {
    if (this.#count >= MOST_MODELS) {
      this.#known.clear();
      this.#count = 0;
    }
    const headers = new Headers(this.#always);
    headers.set("x-sluice-vendor", headerText(vendor));
    headers.set("x-sluice-model", headerText(model));
    headers.set("x-sluice-attempts", "1");
    const models = this.#known.get(vendor) ?? new Map<string, Usual>();
    const usual = { headers };
    this.#known.set(vendor, models.set(model, usual));
    this.#count += 1;
    return usual;
  }
}

interface Usual {
  readonly headers: Headers;
}

const PLAIN = new UsualHeaders({});
const WHOLE = new UsualHeaders({ "content-type": "application/json" });
const EVENTS = new UsualHeaders({
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
});
