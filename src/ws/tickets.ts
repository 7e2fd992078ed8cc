import type { Clock } from "../core/clock.ts";
import { SluiceError } from "../core/errors.ts";
import { randomText } from "../core/ids.ts";
import { TICKET_MS, TICKETS } from "../core/limits.ts";
import type { Random } from "../core/random.ts";

/** Where unused tickets wait. `take` answers each at most once, also when asked from two nodes at a time. */
export interface TicketStore {
  /** @throws SluiceError `overloaded` when it is full */
  put(ticket: string, secret: string, ttlMs: number): void | Promise<void>;
  take(ticket: string): string | undefined | Promise<string | undefined>;
}

export interface Ticket {
  readonly ticket: string;
  /** Seconds. */
  readonly expires_in: number;
}

/**
 * A ticket for one upgrade: for browsers, whose WebSocket cannot send a header, so that no key has to stand
 * in a URL. It stands for the key; what the key may do is looked up when it is used.
 */
export async function issueTicket(store: TicketStore, random: Random, secret: string): Promise<Ticket> {
  const ticket = `wst_${randomText(random.bytes(32))}`;
  await store.put(ticket, secret, TICKET_MS);
  return { ticket, expires_in: TICKET_MS / 1_000 };
}

/** Whether a text could be one. */
export const isTicket = (text: string): boolean => /^wst_[A-Za-z0-9]{32}$/.test(text);

interface Waiting {
  readonly secret: string;
  /** Monotonic. */
  readonly expiresAt: number;
}

/** Tickets of one node. Bounded: a full store refuses rather than lose what others wait to use. */
export function createTicketStore(clock: Clock, capacity: number = TICKETS): TicketStore {
  // In the order of their expiry: all live equally long.
  const waiting = new Map<string, Waiting>();

  const dropExpired = (now: number): void => {
    for (const [ticket, { expiresAt }] of waiting) {
      if (expiresAt > now) return;
      waiting.delete(ticket);
    }
  };

  return {
    put(ticket, secret, ttlMs) {
      const now = clock.monotonic();
      dropExpired(now);
      if (waiting.size >= capacity) {
        throw new SluiceError("overloaded", "Too many unused tickets; use or let expire some first.", {
          retryAfterMs: 1_000,
        });
      }
      waiting.set(ticket, { secret, expiresAt: now + ttlMs });
    },
    take(ticket) {
      const found = waiting.get(ticket);
      if (found === undefined) return undefined;
      waiting.delete(ticket);
      return found.expiresAt > clock.monotonic() ? found.secret : undefined;
    },
  };
}
