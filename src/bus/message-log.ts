import type { Subscription } from "./bus.ts";

/**
 * A durable, replicated log of messages. Acknowledged does not mean on disk: what must never be lost is kept by
 * its sender until the ledger has it.
 */
export interface MessageLog {
  /** Resolves when the servers have it. A rejection leaves open whether they have. */
  append(subject: string, message: Uint8Array): Promise<void>;
  /**
   * Hands on the messages of one subject in order, one at a time: the next when the handler has resolved. One whose
   * handler rejected, or whose consumer died, comes again. Consumers of one name on several nodes share one place.
   */
  consume(name: string, subject: string, handler: (message: Uint8Array) => Promise<void>): Subscription;
}
