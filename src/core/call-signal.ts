/**
 * What tells a call that nobody wants it any more: an `AbortSignal`, or less that does the same. One of the platform's own
 * costs a request 1 to 2 µs, most of it for the collector.
 */
export interface CallSignal {
  readonly aborted: boolean;
  /** Why; what an aborted call rejects with. */
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: AbortListener, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: AbortListener): void;
}

export type AbortListener = (() => void) | { handleEvent(): void };

/** Ends one call; it is its signal as well. */
export class CallAbort implements CallSignal {
  aborted = false;
  reason: unknown;
  /** Nearly every call has one, and no more. */
  #listener: AbortListener | undefined;
  #others: AbortListener[] | undefined;

  /** The first time counts. */
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = new DOMException("The operation was aborted.", "AbortError");
    const first = this.#listener;
    const others = this.#others ?? [];
    this.#listener = undefined;
    this.#others = undefined;
    if (first !== undefined) tell(first);
    for (const listener of others) tell(listener);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: "abort", listener: AbortListener): void {
    if (this.aborted) return;
    if (this.#listener === undefined) this.#listener = listener;
    else {
      this.#others ??= [];
      this.#others.push(listener);
    }
  }

  removeEventListener(_type: "abort", listener: AbortListener): void {
    if (this.#listener === listener) this.#listener = undefined;
    else if (this.#others !== undefined) this.#others = this.#others.filter((other) => other !== listener);
  }
}

function tell(listener: AbortListener): void {
  if (typeof listener === "function") listener();
  else listener.handleEvent();
}

/** For what takes only the platform's own, such as `fetch`. */
export function abortSignalOf(signal: CallSignal): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort);
  return controller.signal;
}
