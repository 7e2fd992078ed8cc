import { test } from "bun:test";
import { ManualClock } from "../core/manual-clock.ts";
import { seededRandom } from "../core/random.ts";
import { ticketStoreSuite } from "./tickets.suite.ts";
import { createTicketStore, issueTicket } from "./tickets.ts";

ticketStoreSuite("tickets of a node that is alone", async (capacity) => {
  const clock = new ManualClock();
  const store = createTicketStore(clock, capacity);
  return { store, other: store, pass: (ms) => clock.advance(ms), close: async () => {} };
});

test("a used ticket makes room for another", async () => {
  const random = seededRandom(1);
  const store = createTicketStore(new ManualClock(), 1);
  const { ticket } = await issueTicket(store, random, "sk-a");
  await store.take(ticket);
  await issueTicket(store, random, "sk-b");
});
