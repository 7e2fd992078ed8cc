import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { TICKET_MS, TICKETS } from "../core/limits.ts";
import type { Redis } from "./redis.ts";

/** Makes what lies in Redis useless to whoever reads it there. */
export interface TicketSeal {
  seal(text: string, context: string): Uint8Array;
  /** Throws when it was not sealed by this cluster for this context. */
  open(sealed: Uint8Array, context: string): string;
}

export interface RedisTicketPorts {
  readonly redis: Redis;
  readonly seal: TicketSeal;
  readonly clock: Clock;
}

/**
 * Unused WebSocket tickets of all nodes. The key is the hash of the ticket, the value what it stands for, sealed for
 * that key: neither can be used by whoever reads Redis. A reply that is lost may cost the ticket, never give it twice.
 * Both calls reject with SluiceError `overloaded` while Redis is away.
 */
export function createRedisTickets({ redis, seal, clock }: RedisTicketPorts, capacity: number = TICKETS) {
  // A node makes no more than `capacity` in the life of a ticket, as if it kept them itself.
  let countedFrom = clock.monotonic();
  let made = 0;

  const count = (): void => {
    const now = clock.monotonic();
    if (now - countedFrom >= TICKET_MS) {
      countedFrom = now;
      made = 0;
    }
    if (made >= capacity) {
      throw new SluiceError("overloaded", "Too many unused tickets; use or let expire some first.", {
        retryAfterMs: 1_000,
      });
    }
    made += 1;
  };

  return {
    async put(ticket: string, secret: string, ttlMs: number): Promise<void> {
      count();
      const key = keyOf(ticket);
      try {
        await redis.send("SET", key, Buffer.from(seal.seal(secret, key)), "PX", ttlMs);
      } catch (thrown) {
        made = Math.max(0, made - 1);
        throw thrown;
      }
    },
    async take(ticket: string): Promise<string | undefined> {
      const key = keyOf(ticket);
      const sealed = await redis.send("GETDEL", key);
      if (!(sealed instanceof Uint8Array)) return undefined;
      try {
        return seal.open(sealed, key);
      } catch {
        // Somebody else's, or sealed under a former master secret: no ticket of ours.
        return undefined;
      }
    },
  };
}

const keyOf = (ticket: string): string =>
  `sluice:ticket:${new Bun.CryptoHasher("sha256").update(ticket).digest("hex")}`;
