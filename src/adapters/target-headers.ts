import type { Target, VendorCall } from "./adapter.ts";

/**
 * The header fields of a vendor's calls, made once for each target, of which the gateway has one for each route and
 * key. They are frozen: what cannot change is also written only once.
 */
export class TargetHeaders {
  readonly #whole = new WeakMap<Target, VendorCall["headers"]>();
  readonly #stream = new WeakMap<Target, VendorCall["headers"]>();

  /** @param make the fields for a target, and what its answer is to be: `text/event-stream` or `application/json` */
  constructor(readonly make: (target: Target, accept: string) => Record<string, string>) {}

  of(target: Target, streams: boolean): VendorCall["headers"] {
    const known = streams ? this.#stream : this.#whole;
    let headers = known.get(target);
    if (headers === undefined) {
      headers = Object.freeze(this.make(target, streams ? "text/event-stream" : "application/json"));
      known.set(target, headers);
    }
    return headers;
  }
}
