import { expect, test } from "bun:test";
import { TICKET_MS } from "../core/limits.ts";
import { ManualClock } from "../core/manual-clock.ts";
import { seededRandom } from "../core/random.ts";
import { createTicketStore, issueTicket } from "./tickets.ts";

const random = seededRandom(1);

test("a ticket is good once", async () => {
  const store = createTicketStore(new ManualClock());
  const { ticket, expires_in } = await issueTicket(store, random, "sk-a");
  expect(ticket).toMatch(/^wst_[0-9a-z]{32}$/);
  expect(expires_in).toBe(60);
  expect(await store.take(ticket)).toBe("sk-a");
  expect(await store.take(ticket)).toBeUndefined();
});

test("a ticket is good for sixty seconds", async () => {
  const clock = new ManualClock();
  const store = createTicketStore(clock);
  const first = await issueTicket(store, random, "sk-a");
  const second = await issueTicket(store, random, "sk-b");
  await clock.advance(TICKET_MS - 1);
  expect(await store.take(first.ticket)).toBe("sk-a");
  await clock.advance(1);
  expect(await store.take(second.ticket)).toBeUndefined();
});

test("a full store refuses new tickets, keeps the old ones, and has room again as they expire", async () => {
  const clock = new ManualClock();
  const store = createTicketStore(clock, 2);
  const { ticket } = await issueTicket(store, random, "sk-a");
  await issueTicket(store, random, "sk-b");
  await expect(issueTicket(store, random, "sk-c")).rejects.toMatchObject({ code: "overloaded" });
  expect(await store.take(ticket)).toBe("sk-a");
  await issueTicket(store, random, "sk-c");
  await clock.advance(TICKET_MS);
  await issueTicket(store, random, "sk-d");
  await issueTicket(store, random, "sk-e");
});
