import type { Peers } from "../actors/peers.ts";
import { SluiceError } from "../core/errors.ts";
import type { Seal } from "../ledger/sealed.ts";
import { isTicket, type TicketStore } from "../ws/tickets.ts";

const QUESTION = "ticket";
const ANSWER_MS = 1_000;
/** Whoever has no key can ask for any ticket: so many questions to the other nodes may be under way at once. */
const MOST_ASKED = 64;

/**
 * Tickets of nodes that have no Redis: each is kept where it was made, and the others are asked for what is not here.
 * Only one node has it, so it is good once. On its way the key is sealed.
 */
export function createPeerTickets(own: TicketStore, peers: Peers, seal: Seal): TicketStore {
  let asked = 0;
  peers.answer(QUESTION, async (ticket) => {
    const secret = typeof ticket === "string" ? await own.take(ticket) : undefined;
    return secret === undefined ? null : seal.seal(secret, `ticket ${ticket}`);
  });
  return {
    put: (ticket, secret, ttlMs) => own.put(ticket, secret, ttlMs),
    async take(ticket) {
      const here = await own.take(ticket);
      if (here !== undefined || !isTicket(ticket)) return here;
      if (asked >= MOST_ASKED) {
        throw new SluiceError("overloaded", "Too many tickets are looked for.", { retryAfterMs: 1_000 });
      }
      asked += 1;
      try {
        const answers = await peers.askOthers(QUESTION, ticket, ANSWER_MS);
        for (const { ok, ...told } of answers) {
          if (ok && "answer" in told && told.answer instanceof Uint8Array)
            return seal.open(told.answer, `ticket ${ticket}`);
        }
        return undefined;
      } finally {
        asked -= 1;
      }
    },
  };
}
