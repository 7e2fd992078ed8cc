/**
 * Messages between the parts of a node and between nodes. Two transports, one behaviour: payloads are
 * MessagePack on both, so what works in one process works across a cluster. Subjects are dot-separated
 * tokens; `*` matches one token in a subscription, `>` the rest.
 */
export interface Bus {
  /** Asks whoever serves the subject. Rejects with BusError: `no_responders` at once, `timeout`, or `closed`; the responder's own failure rejects as `remote`. */
  request(subject: string, payload: unknown, options: { readonly timeoutMs: number }): Promise<unknown>;
  /** Answers requests on a subject. A second server of one subject shares the load. */
  serve(subject: string, handler: (payload: unknown, subject: string) => Promise<unknown>): Subscription;
  /** Fire and forget, to every subscriber. */
  publish(subject: string, payload: unknown): void;
  subscribe(subject: string, handler: (payload: unknown, subject: string) => void): Subscription;
  /** Ends every subscription and rejects what is pending. */
  close(): Promise<void>;
}

export interface Subscription {
  close(): void;
}

export type BusErrorKind = "no_responders" | "timeout" | "closed" | "remote";

/** What a request over the bus rejects with. */
export class BusError extends Error {
  override readonly name = "BusError";

  constructor(
    readonly kind: BusErrorKind,
    readonly subject: string,
    message: string,
    /** For `remote`: the code of the SluiceError or BusError that the other side threw. */
    readonly code?: string,
  ) {
    super(message);
  }
}
