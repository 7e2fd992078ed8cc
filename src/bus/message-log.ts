import type { Subscription } from "./bus.ts";

/**
 * A durable, replicated log of messages. Acknowledged does not mean on disk: what must never be lost is kept by
 * its sender until the ledger has it.
 */
export interface MessageLog {
  /** Longest message that it takes, in bytes. */
  readonly maxBytes: number;
  /** Resolves when the servers have it. A rejection leaves open whether they have. */
  append(subject: string, message: Uint8Array): Promise<void>;
  /**
   * Hands on the messages of one subject in order, one at a time: the next when the handler has resolved. One whose
   * handler rejected, or whose consumer died, comes again. Consumers of one name on several nodes share one place.
   */
  consume(name: string, subject: string, handler: Handler): Consumption;
  /** The subjects that hold messages now. */
  subjects(): Promise<readonly string[]>;
}

/** `deliveries` counts how often the message was handed on, this time included. */
export type Handler = (message: Uint8Array, deliveries: number) => Promise<void>;

export interface Consumption extends Subscription {
  /** Resolves after `close`, when no handler runs any more. */
  readonly ended: Promise<void>;
}

/** How long a message rests whose handler rejected: this, doubled each time up to the most. */
const FIRST_REST_MS = 50;
const MOST_REST_MS = 2_000;

export const restBeforeDelivery = (deliveries: number): number =>
  Math.min(FIRST_REST_MS * 2 ** Math.min(deliveries - 1, 10), MOST_REST_MS);
